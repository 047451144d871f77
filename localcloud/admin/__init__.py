"""The local cloud's own endpoint, ``/_localcloud/*``: clock, call log, faults, logs, deployment. No real service has it."""
