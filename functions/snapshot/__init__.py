"""The function replank-snapshot."""
