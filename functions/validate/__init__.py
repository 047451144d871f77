"""The package of the function replank-validate, which compares a guest with its baseline."""
