"""The commands `replank local`. They run a local cloud in the background, so that users can try every other command."""
