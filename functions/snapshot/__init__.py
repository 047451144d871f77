"""The package of the function replank-snapshot, which makes the snapshots of an admitted migration."""
