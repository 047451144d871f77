"""The command `replank run`: migrates a fleet on a local cloud, from the notice to the deletion of the snapshots."""
