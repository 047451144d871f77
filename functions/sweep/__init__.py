"""The package of the function replank-sweep, which deletes snapshots whose retention is over."""
