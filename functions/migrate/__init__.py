"""The function replank-migrate."""
