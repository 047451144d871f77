"""One folder per function, with only what Function Compute calls."""
