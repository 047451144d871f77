"""The code around a stage: the settings, the composition of the ports, the entrypoint, the HTTP API and the log."""
