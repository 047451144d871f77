"""The function replank-api."""
