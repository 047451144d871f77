"""The pipeline's decisions as pure functions: no I/O, no clock, no random numbers. Every function of the domain gets all facts as
arguments.
"""
