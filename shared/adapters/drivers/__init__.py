"""The migration drivers. ``smc`` and ``console`` use jobs of Server Migration Center; ``in_guest`` runs a tool in the guest."""
