"""The package of the function replank-console, which shows the operations page."""
