"""The function replank-sweep."""
