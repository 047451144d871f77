"""The drivers, which replace the operating system of an instance. The drivers ``smc`` and ``console`` use jobs of SMC.

The driver in the module ``in_guest`` runs a tool in the guest.
"""
