"""`replank run`: a fleet from notice to swept snapshots, on a cloud of its own on this machine."""
