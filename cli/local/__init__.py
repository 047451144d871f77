"""The commands `replank local`, which run a local cloud in the background. Users can try every other command on the local cloud."""
