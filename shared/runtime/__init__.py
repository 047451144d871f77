"""From bytes to outcome: settings, the composition of the ports, the entrypoint of every function, and its log."""
