"""Signs in a user at an OpenID Connect provider, and stores the tokens."""
