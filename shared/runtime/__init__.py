"""From bytes to outcome: settings, the composition of the ports, every function's entrypoint, and the log."""
