"""The package of the function replank-validate, which compares the guest with its baseline after a hop."""
