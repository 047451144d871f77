"""The function replank-precheck."""
