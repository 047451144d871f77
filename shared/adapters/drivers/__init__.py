"""The migration drivers: ``smc`` calls the API of Server Migration Center, ``console`` lets a person start the job."""
