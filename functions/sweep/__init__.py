"""The package of the function replank-sweep, which deletes snapshots past their retention."""
