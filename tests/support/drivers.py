"""A migration right before its driver starts, and what the driver is told of the instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain.migration import Migration, State
from shared.ports.driver import Driver, InstanceIdentity, JobPhase
from tests.support.ports import Bench, migration


def moving(one: Bench, number: int, **more: Any) -> Migration:
    """A migration that was requested in this second, with its snapshots ready."""
    times = {"entered_at": one.now, "created_at": one.now.replace(microsecond=0)}
    return migration(number, **{"state": State.SNAPSHOTTED, "snapshots_made": 1, **times, **more})


def identity_of(one: Bench, made: Migration) -> InstanceIdentity:
    """The fields that identify the instance, as ECS knows them."""
    facts = one.ports.compute.instance_facts(made.region_id, made.instance_id)
    return InstanceIdentity(facts.private_ips, (facts.hostname,), facts.os_type == "windows")


def prepared(one: Bench, driver: Driver, made: Migration, *, forgetful: bool = False) -> Migration:
    """Call ``prepare`` every minute until the driver is ready. ``forgetful`` loses the result of each call but the last once."""
    who = identity_of(one, made)
    for _ in range(30):
        report = driver.prepare_job(made, who)
        if forgetful:
            one.world.run(1)
            report = driver.prepare_job(made, who)
        made = replace(made, handle=report.handle)
        if report.phase is JobPhase.PREPARED:
            return made
        assert report.phase is JobPhase.PREPARING, report
        one.world.run(1)
    raise AssertionError("never prepared")
