"""One folder per function: what Function Compute calls, and nothing else."""
