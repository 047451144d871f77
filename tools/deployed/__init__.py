"""A local cloud with something deployed in it, for tests and measurements: in this process, or in one of its own."""
