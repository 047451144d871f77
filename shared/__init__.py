"""The code that all functions of Replank share: domain, ports, stages, adapters and runtime."""

__version__ = "0.2.0"
"""The version of Replank. The wheel, the command line and the functions have the same version."""
