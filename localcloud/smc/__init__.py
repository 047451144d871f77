"""Server Migration Center: activation codes, source servers, and jobs that replace an operating system in place."""

from localcloud.smc.api import Smc

__all__ = ["Smc"]
