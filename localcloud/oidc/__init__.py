"""An identity provider (OpenID Connect) for the people of this cloud, modelled on RAM's."""

from localcloud.oidc.api import Oidc

__all__ = ["Oidc"]
