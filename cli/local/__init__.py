"""The commands `replank local`: a local cloud in the background, on which users can try every other command."""
