"""Three drivers, which carry out a migration. ``smc`` and ``console`` use jobs of SMC; ``in_guest`` runs a tool in the guest."""
