"""The interfaces that the stages use to reach the cloud, the tables and the clock.

Each interface is a Protocol. The adapter with the same file name implements the interface.
"""
