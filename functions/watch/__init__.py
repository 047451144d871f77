"""The package of the function replank-watch, which processes ECS events and the one-minute tick."""
