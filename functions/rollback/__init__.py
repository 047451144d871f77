"""The package of the function replank-rollback, which resets an instance's disks from its snapshots."""
