"""The function that takes the second step of a measured hand-over. The local cloud deploys this folder as replank-validate."""
