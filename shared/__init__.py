"""What every Replank function carries: the domain, its ports, the stages, the adapters and the runtime."""

__version__ = "0.2.0"
"""The version of the whole product: the wheel, the command line and the functions."""
