"""Signs a user in at an OpenID Connect provider and stores the tokens."""
