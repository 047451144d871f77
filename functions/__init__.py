"""The functions of Function Compute. Each function has a folder with the handlers that the platform calls."""
