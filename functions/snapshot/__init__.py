"""The package of the function replank-snapshot, which admits a migration and makes its snapshots."""
