"""Runs the whole pipeline under a seeded scheduler, in one process and one thread with virtual time. One seed gives exactly
one run.
"""
