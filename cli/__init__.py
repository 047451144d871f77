"""The command line `replank`: a client of the HTTP API. A few commands of it work offline or call the cloud services directly."""
