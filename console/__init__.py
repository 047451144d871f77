"""The operations page: HTML for people, made of what the HTTP API answers. It imports nothing of the pipeline."""
