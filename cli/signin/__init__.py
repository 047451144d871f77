"""Signing in at an OpenID Connect provider, and keeping what it gives."""
