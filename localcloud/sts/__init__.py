"""The two small services older clients ask first: STS (who am I) and Location (where is a service)."""

from localcloud.sts.api import Location, Sts

__all__ = ["Location", "Sts"]
