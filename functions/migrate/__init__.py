"""The package of the function replank-migrate, which starts the driver's job."""
