"""`replank`, the command line: a client of the HTTP API, with a few commands that work offline or on the account itself."""
