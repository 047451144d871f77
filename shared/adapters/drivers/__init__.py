"""The drivers, which replace the operating system of an instance. ``smc`` and ``console`` use jobs of SMC.

``in_guest`` runs a tool in the guest.
"""
