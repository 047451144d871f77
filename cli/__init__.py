"""The command line `replank`: a client of the HTTP API. A few commands work offline or call the cloud services directly."""
