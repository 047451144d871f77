"""Elastic Compute Service: instances, disks, snapshots and Cloud Assistant. Scripts in the guests really run."""

from localcloud.ecs.api import Ecs

__all__ = ["Ecs"]
