"""The function replank-watch."""
