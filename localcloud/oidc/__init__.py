"""An identity provider (OpenID Connect) as RAM's is, for this cloud's people."""

from localcloud.oidc.api import Oidc

__all__ = ["Oidc"]
