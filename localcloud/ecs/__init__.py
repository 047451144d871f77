"""Elastic Compute Service: instances, disks, snapshots and Cloud Assistant, with guests in which scripts really run."""

from localcloud.ecs.api import Ecs

__all__ = ["Ecs"]
