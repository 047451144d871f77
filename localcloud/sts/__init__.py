"""Two small services that older clients call first: STS (the caller's identity) and Location (a service's address)."""

from localcloud.sts.api import Location, Sts

__all__ = ["Location", "Sts"]
