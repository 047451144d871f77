"""The function replank-rollback."""
