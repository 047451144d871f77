"""The local cloud's own endpoint, ``/_localcloud/*``: clock, call log, faults, logs and deployment. No real service has such an
endpoint.
"""
