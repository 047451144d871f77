"""The stages of a migration.

Each stage reads facts through ports, decides purely, commits one step, and carries out its effects.
"""
