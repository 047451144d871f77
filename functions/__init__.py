"""The code that Function Compute calls. Each function has its own folder of handlers."""
