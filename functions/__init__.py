"""The functions of Function Compute. Each has a folder with the handlers that the platform calls."""
