"""The code in the package of every Replank function: domain, ports, stages, adapters and runtime."""

__version__ = "0.2.0"
"""The version of the product. The wheel, the command line and the functions have the same version."""
