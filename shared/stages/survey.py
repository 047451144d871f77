"""Lists the instances of several regions. If one region fails, its problem is recorded, and the other regions are still listed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime
from difflib import get_close_matches

from shared.domain.batch import Problem
from shared.domain.errors import AccountUnusable, Permanent, Refused, ReplankError, Transient
from shared.domain.record import dataclass
from shared.domain.timing import PLANNING_PATIENCE
from shared.ports.compute import MOST_FILTERED, NO_FILTER, FoundInstance, InstanceFilter
from shared.ports.ports import Ports

_LOG = logging.getLogger("replank")
IDS_PER_CALL = 100


@dataclass
class RegionProblems:
    """The problems of one listing. The regions in ``refused`` need a person. The regions in ``silent`` may answer later.

    Each entry has a region, an error code and a sentence.
    """

    refused: list[Problem] = field(default_factory=list)
    silent: list[Problem] = field(default_factory=list)

    def all_problems(self, *, again: bool) -> tuple[Problem, ...]:
        """Return all problems in words. If ``again`` is true, the texts say that silent regions are tried again automatically."""
        then = (
            "Replank tries the region again automatically." if again else "Once it answers, submit a batch for this region again."
        )
        return (*self.refused, *((region, code, f"{sentence} {then}") for region, code, sentence in self.silent))


def instance_pages(
    regions: Sequence[str],
    ports: Ports,
    survey: RegionProblems,
    *,
    instance_ids: Sequence[str] = (),
    accounts: Sequence[str] = ("",),
    only: InstanceFilter = NO_FILTER,
) -> Iterator[tuple[FoundInstance, ...]]:
    """Yield the instances of the accounts' regions, page by page. A region's problems are added to ``survey``.

    If ``instance_ids`` is not empty, only these instances are searched for, and the filter ``only`` is not used. The filter
    shortens the listing, but the pages may still contain instances that do not match the filter. An instance may be returned twice.
    """
    for account_id in accounts:
        wanted = dict.fromkeys(instance_ids) if instance_ids else None
        try:
            there = ports.ports_for_account(account_id)
            for page in _instance_pages_of_account(regions, there, survey, wanted, only):
                yield tuple(replace(each, account_id=account_id) for each in page) if account_id else page
        except AccountUnusable as error:
            from shared.stages.accounts import record_account_refusal  # only a deployment with member accounts needs it

            record_account_refusal(error, ports)
            what = f"account {account_id}"
            survey.refused.append((what, error.code, f"{error.message} {error.remedy} Then submit a batch for it again."))


def _instance_pages_of_account(
    regions: Sequence[str], ports: Ports, survey: RegionProblems, wanted: dict[str, None] | None, only: InstanceFilter
) -> Iterator[tuple[FoundInstance, ...]]:
    for region_id in regions:
        try:
            if wanted is None:
                yield from _instance_pages_of_region(region_id, (), ports, only)
            else:
                yield from _pages_with_wanted_instances(region_id, wanted, ports)
        except AccountUnusable:
            raise
        except Transient as error:
            _add_silent_region(region_id, error, ports, survey)
        except (Refused, Permanent) as error:
            survey.refused.append((region_id, error.code, f"{error.message} {error.remedy} Then submit again."))


def _pages_with_wanted_instances(region_id: str, wanted: dict[str, None], ports: Ports) -> Iterator[tuple[FoundInstance, ...]]:
    """Yield pages with the instances whose ids are in ``wanted``.

    An id that was found is removed from ``wanted``, so that other regions are not searched for the same id.
    """
    ids = list(wanted)
    for start in range(0, len(ids), IDS_PER_CALL):
        for page in _instance_pages_of_region(region_id, ids[start : start + IDS_PER_CALL], ports, NO_FILTER):
            yield page
            for each in page:
                wanted.pop(each.instance_id, None)


def _instance_pages_of_region(
    region_id: str, instance_ids: Sequence[str], ports: Ports, only: InstanceFilter
) -> Iterator[tuple[FoundInstance, ...]]:
    token, seen = "", 0
    while True:
        found = ports.compute.instance_page(region_id, instance_ids=instance_ids, token=token, only=only)
        yield found.instances
        seen += len(found.instances)
        token = found.next_token
        if not token:
            break
    # ECS may have cut off the filtered listing, so the region is listed again without these filters
    if only.is_listing_limited and seen >= MOST_FILTERED:
        yield from _instance_pages_of_region(region_id, instance_ids, ports, replace(only, tags=(), resource_group_id=""))


def _add_silent_region(region_id: str, error: Transient, ports: Ports, survey: RegionProblems) -> None:
    """Record a region that does not answer: as refused if ECS does not know the region, otherwise as silent.

    A misspelt region never answers, because it has no endpoint.
    """
    try:
        known = ports.compute.regions()
    except ReplankError as unknown:
        _LOG.warning("the regions cannot be listed, so no region is refused: %s", unknown)
        known = frozenset({region_id})
    if region_id in known:
        survey.silent.append((region_id, error.code, f"Region {region_id} does not answer: {error.message}"))
        return
    near = get_close_matches(region_id, sorted(known), n=5, cutoff=0)
    sentence = (
        f"ECS knows no region {region_id} for this account. Correct the name (near it: {', '.join(near)}), then submit again."
    )
    survey.refused.append((region_id, "Region.NotFound", sentence))


def can_plan_without_silent_regions(created_at: datetime, now: datetime) -> bool:
    """Whether the batch has waited so long that its planning continues without the silent regions."""
    return now - created_at > PLANNING_PATIENCE
