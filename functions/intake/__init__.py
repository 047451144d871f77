"""The package of the function replank-intake, which finds instances and makes batches."""
