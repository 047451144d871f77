"""What every emulated service shares: the request chain, time, storage, identities, policies and faults."""
