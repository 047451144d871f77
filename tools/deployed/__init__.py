"""A local cloud with an application deployed in it, for tests and measurements: in this process or in a separate one."""
