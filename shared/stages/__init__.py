"""The stages of a migration.

Each stage reads facts through ports, decides without side effects, commits one step, and carries out the step's effects.
"""
