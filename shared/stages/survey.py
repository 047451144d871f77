"""Listing the instances of several regions. A region in trouble is noted, and the others are still listed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from shared.domain.batch import Problem
from shared.domain.errors import AccountUnusable, Permanent, Refused, ReplankError, Transient
from shared.domain.timing import PLANNING_PATIENCE
from shared.ports.compute import FoundInstance
from shared.ports.ports import Ports

_LOG = logging.getLogger("replank")
IDS_PER_CALL = 100


@dataclass
class Survey:
    """The problems of a listing: a ``refused`` region needs a person, a ``silent`` one may answer later.

    Each entry is region, code and sentence.
    """

    refused: list[Problem] = field(default_factory=list)
    silent: list[Problem] = field(default_factory=list)

    def problems(self, *, again: bool) -> tuple[Problem, ...]:
        """All problems in words; ``again`` tells that the silent regions are asked again automatically."""
        then = "It is tried again by itself." if again else "Then submit a batch for this region again."
        return (*self.refused, *((region, code, f"{sentence} {then}") for region, code, sentence in self.silent))


def pages(
    regions: Sequence[str], ports: Ports, survey: Survey, *, instance_ids: Sequence[str] = (), accounts: Sequence[str] = ("",)
) -> Iterator[tuple[FoundInstance, ...]]:
    """The instances of the accounts' regions, page after page; problems of a region go into ``survey``."""
    for account_id in accounts:
        try:
            there = ports.in_account(account_id)
            for page in _pages_of_account(regions, there, survey, instance_ids):
                yield tuple(replace(each, account_id=account_id) for each in page) if account_id else page
        except AccountUnusable as error:
            from shared.stages.accounts import note_trouble  # only a deployment with member accounts needs it

            note_trouble(error, ports)
            what = f"account {account_id}"
            survey.refused.append((what, error.code, f"{error.message} {error.remedy} Then submit a batch for it again."))


def _pages_of_account(
    regions: Sequence[str], ports: Ports, survey: Survey, instance_ids: Sequence[str]
) -> Iterator[tuple[FoundInstance, ...]]:
    chunks = [instance_ids[start : start + IDS_PER_CALL] for start in range(0, len(instance_ids), IDS_PER_CALL)] or [()]
    for region_id in regions:
        try:
            for chunk in chunks:
                yield from _pages_of_region(region_id, chunk, ports)
        except AccountUnusable:
            raise
        except Transient as error:
            _note_silence(region_id, error, ports, survey)
        except (Refused, Permanent) as error:
            survey.refused.append((region_id, error.code, f"{error.message} {error.remedy} Then submit again."))


def _pages_of_region(region_id: str, instance_ids: Sequence[str], ports: Ports) -> Iterator[tuple[FoundInstance, ...]]:
    token = ""
    while True:
        found = ports.compute.find(region_id, instance_ids=instance_ids, token=token)
        yield found.instances
        token = found.next_token
        if not token:
            return


def _note_silence(region_id: str, error: Transient, ports: Ports, survey: Survey) -> None:
    """A misspelt region has no endpoint, so nothing ever answers.

    ECS lists the regions that exist; if it does not answer, time decides.
    """
    try:
        known = ports.compute.regions()
    except ReplankError as unknown:
        _LOG.warning("the regions cannot be listed, so that none is ruled out: %s", unknown)
        known = frozenset({region_id})
    if region_id in known:
        survey.silent.append((region_id, error.code, f"Region {region_id} does not answer: {error.message}"))
        return
    near = get_close_matches(region_id, sorted(known), n=5, cutoff=0)
    sentence = (
        f"ECS knows no region {region_id} for this account. Correct the name (near it: {', '.join(near)}), then submit again."
    )
    survey.refused.append((region_id, "Region.NotFound", sentence))


def is_given_up(created_at: datetime, now: datetime) -> bool:
    """Whether a batch has waited long enough for a silent region."""
    return now - created_at > PLANNING_PATIENCE
