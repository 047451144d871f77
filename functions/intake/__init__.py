"""The function replank-intake."""
