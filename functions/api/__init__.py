"""The package of the function replank-api, which answers the HTTP API."""
