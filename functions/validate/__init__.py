"""The function replank-validate."""
