"""`replank local`: a local cloud that keeps running, for trying every other command."""
