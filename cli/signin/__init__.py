"""Signs in at an OpenID Connect provider and keeps the tokens."""
