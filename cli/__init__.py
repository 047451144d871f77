"""The command line `replank`: a client of the HTTP API. A few commands work offline, and a few call the cloud services directly."""
