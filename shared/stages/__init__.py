"""One use case per function: read facts through ports, decide purely, commit one step, then its effects and events."""
