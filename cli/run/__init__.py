"""`replank run`: takes a fleet from notice to swept snapshots, on its own cloud on this machine."""
