"""The whole pipeline under a seeded scheduler: one process, one thread, virtual time; one seed is one run, bit for bit."""
