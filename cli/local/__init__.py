"""`replank local`: a local cloud that stays, for trying every other command."""
