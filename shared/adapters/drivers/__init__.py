"""The drivers, which carry out the replacement. ``smc`` and ``console`` use jobs of SMC. ``in_guest`` runs a tool in the guest."""
