"""Submits, lists, shows and acknowledges batches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.domain import acts, events, seen
from shared.domain.batch import BY_A_PERSON, UNTOUCHED, Batch, BatchState, Exclusion, Selection, ready_to_confirm_at
from shared.domain.caller import Caller
from shared.domain.catalog import REGIONS, require_release
from shared.domain.drivers import driver_traits
from shared.domain.errors import Refused, Stale
from shared.domain.migration import ADMITTED, State
from shared.domain.notice import parse_notice
from shared.domain.policy import parse_policy
from shared.domain.retry import LOST_RACE
from shared.ports.batches import BatchTally
from shared.ports.ports import Ports
from shared.stages.api import accounts, show, views
from shared.stages.api.act import contention_error
from shared.stages.slots import why_batch_cannot_start

Json = dict[str, Any]
MOST_COUNTED = 100
"""Maximum migrations that are read to count the jobs that a person must start."""


def submit_batch(ports: Ports, request: Json, caller: Caller) -> tuple[views.BatchView, bool]:
    """Record a batch and ask intake to plan the batch. Return the batch, and whether the batch is new.

    A repeated request with the same ``clientToken`` returns the same batch. Until the batch is planned, each repeated request
    publishes the batch's event again. Raises Refused (ClientToken.Mismatch) if a different request used the same token, and Refused
    (Driver.SettingMissing) if the driver lacks its settings.
    """
    token = request.get("clientToken")
    wanted = _new_batch(ports, request, caller.name, batch_id_from_token(token) if token else ports.ids.new_batch_id())
    unready = ports.unready.get(wanted.policy.driver)
    if unready is not None:
        raise Refused(unready.code, unready.message, unready.remedy, status=409)
    created = ports.batches.create(wanted)
    found = wanted if created else ports.batches.load(wanted.batch_id)
    if not created and _fields_of_request(found) != _fields_of_request(wanted):
        raise Refused(
            "ClientToken.Mismatch",
            f"clientToken {token} was used for another request (batch {found.batch_id}).",
            "Use a new clientToken for a new request.",
            status=409,
        )
    if found.state is BatchState.PLANNING:
        ports.bus.publish([events.batch_event(found.batch_id, events.BATCH_SUBMITTED)])
    return show.batch_view(found, own=ports.account_id, now=ports.clock.now()), created


def batch_id_from_token(client_token: str) -> str:
    """Return the batch id that is derived from a client token."""
    return "b" + hashlib.sha256(client_token.encode()).hexdigest()[:16]


def _fields_of_request(batch: Batch) -> tuple[object, ...]:
    return batch.selection, batch.policy, batch.destination, batch.destinations, batch.dry_run


def _new_batch(ports: Ports, request: Json, operator: str, batch_id: str) -> Batch:
    strangers = sorted(set(request.get("destinations", {})) - set(request.get("instanceIds", ())))
    if strangers:
        raise Refused(
            "Batch.DestinationOfOther",
            f"destinations names {strangers[0]}, which is not among instanceIds.",
            "Name every instance of destinations in instanceIds as well; a misspelt id would get the default destination.",
        )
    return Batch(
        batch_id=batch_id,
        state=BatchState.PLANNING,
        version=1,
        created_at=ports.clock.now(),
        origin=BY_A_PERSON,
        created_by=operator,
        selection=Selection(
            regions=_selected_regions(request.get("regionIds"), ports),
            accounts=_selected_accounts(request.get("accountIds", ()), ports),
            exclude=Exclusion(**_selection_criteria(request.get("exclude", {}), ports)),
            **_selection_criteria(request, ports),
        ),
        policy=parse_policy(request.get("policy", {})),
        destination=require_release(request["destination"], ports.catalog).key if "destination" in request else "",
        destinations={
            each: require_release(release, ports.catalog).key for each, release in request.get("destinations", {}).items()
        },
        dry_run=request.get("dryRun", False),
    )


def _selection_criteria(given: Json, ports: Ports) -> dict[str, tuple[str, ...]]:
    """Return a mapping from the names of a selection's fields to the request's criteria for instances."""
    same = {
        "instance_ids": "instanceIds",
        "tags": "tags",
        "resource_groups": "resourceGroupIds",
        "vpcs": "vpcIds",
        "names": "names",
    }
    releases = parse_notice({"releases": given["releases"]}, ports.catalog).releases if "releases" in given else ()
    return {**{name: _distinct_items(given.get(field, ())) for name, field in same.items()}, "releases": releases}


def _selected_regions(asked: Sequence[str] | None, ports: Ports) -> tuple[str, ...]:
    """Return the regions that the request names. If the request names no region, return the regions of the settings.

    Raises Refused (Region.NotFound) for an unknown region.
    """
    if not asked:
        return _distinct_items(ports.regions)
    known = {*REGIONS, *ports.regions, *ports.more_regions}
    for region in asked:
        if region not in known:
            from difflib import get_close_matches  # seldom needed, and every start of the function would pay for it

            near = ", ".join(get_close_matches(region, sorted(known), n=3, cutoff=0))
            remedy = f"Correct the name (near it: {near}). If the region is new, add it to REPLANK_MORE_REGIONS and deploy."
            raise Refused("Region.NotFound", f"There is no region {region[:100]}.", remedy)
    return _distinct_items(asked)


def _selected_accounts(asked: Sequence[str], ports: Ports) -> tuple[str, ...]:
    """Return the requested accounts as a selection stores them; empty if the request names no account, or only the deployment's own
    account.

    Raises Refused (Account.NotFound) if the deployment does not serve one of the accounts.
    """
    if not asked:
        return ()
    from shared.domain.accounts import OWN, stored_account_id

    chosen = _distinct_items(stored_account_id(each, ports.account_id, ports.member_accounts) for each in asked)
    return () if chosen == (OWN,) else chosen


def _distinct_items(items: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def get_batch(ports: Ports, batch_id: str) -> views.BatchDetail:
    """Return a batch with the number of its migrations in each state; raises Refused (Batch.NotFound)."""
    found, tally = ports.batches.load_batch_and_tally(batch_id)
    states = {id: state.value for id, state in ports.migrations.states_by_migration_id(batch_id).items()}
    counts = dict(Counter(states.values()))
    journal = ports.batches.journal(batch_id) if _could_journal_have_acts(found) else []
    held = _why_no_migration_starts(found, tally, counts, ports)
    troubles = accounts.unusable_accounts(found.selection.accounts, ports)
    shown = show.batch_detail(found, counts, held, now=ports.clock.now(), failed=len(tally.failed), journal=journal)
    if found.policy.waves and found.acknowledgement:
        shown = replace(shown, waves=_wave_views(found, states, tally.failed, ports))
    to_start = number_of_jobs_to_start(found, counts, ports)
    selection = show.selection_view(found, ports.account_id)
    return replace(shown, selection=selection, account_troubles=troubles, jobs_to_start=to_start)


def number_of_jobs_to_start(batch: Batch, counts: dict[str, int], ports: Ports) -> int:
    """Return how many snapshotted migrations wait for a person to start their job. If each migration has its own driver, count at
    most 100 migrations.
    """
    waiting, traits = counts.get(State.SNAPSHOTTED.value, 0), driver_traits(batch.policy.driver)
    if waiting and traits.is_choice:
        page = ports.migrations.migration_page_of_batch(batch.batch_id, state=State.SNAPSHOTTED, limit=MOST_COUNTED, token="")
        return sum(driver_traits(each.driver).attended for each in page.migrations)
    return waiting if traits.attended else 0


def _could_journal_have_acts(batch: Batch) -> bool:
    """Return False if it is certain that the batch's journal has no line. Planning, acknowledging and closing a batch change
    its row, but add no line to its journal.
    """
    without_line = 2 + (batch.acknowledgement is not None) + (batch.state is BatchState.CLOSED)
    return batch.control != UNTOUCHED or batch.version > without_line


def _wave_views(batch: Batch, states: dict[str, str], failed: Set[str], ports: Ports) -> tuple[views.WaveView, ...]:
    from shared.stages.api import brakes  # only batches with waves need it

    return brakes.wave_views(batch, ports.batches.waves(batch.batch_id), states, failed, ports.clock.now())


def _why_no_migration_starts(batch: Batch, tally: BatchTally, counts: dict[str, int], ports: Ports) -> str:
    """Return, in words, why no migration of the batch starts. While the batch is being planned, no other reason is given."""
    if batch.state is not BatchState.PLANNING:
        return why_batch_cannot_start(tally, ports) if any(counts.get(state.value) for state in ADMITTED) else ""
    trouble = "; ".join(f"{code}: {sentence}" for _, code, sentence in batch.problems)
    return f"it is still being planned{': ' if trouble else ''}{trouble}"[:1000]


def batch_page(ports: Ports, *, limit: int, token: str, ready_to_confirm: bool = False) -> views.BatchList:
    """Return a page of batches, newest first.

    If ``ready_to_confirm`` is true, return only batches that are ready to confirm, sorted by id. A page of ready batches may have
    fewer than ``limit`` batches although more pages follow.
    """
    now = ports.clock.now()
    if ready_to_confirm:
        page = ports.batches.batches_awaiting_confirmation(limit=limit, token=token)
        found = tuple(each for each in page.batches if _is_ready_to_confirm(each, now))
    else:
        page = ports.batches.batch_page(limit=limit, token=token)
        found = page.batches
    return views.BatchList(tuple(show.batch_view(each, own=ports.account_id, now=now) for each in found), page.next_token)


def _is_ready_to_confirm(batch: Batch, now: datetime) -> bool:
    ready_at = ready_to_confirm_at(batch.summary)
    return ready_at is not None and ready_at <= now


def acknowledge_batch(ports: Ports, batch_id: str, caller: Caller, risks_version: str, version: int) -> views.BatchView:
    """Record that the operator accepts the risks and the snapshots. Instances may move once the batch is acknowledged.

    A repeated call changes nothing.
    """
    for _ in range(LOST_RACE.calls):
        before = ports.batches.load(batch_id)
        try:
            after = _write_acknowledgement(before, caller, risks_version, version, ports)
        except Stale:
            continue
        ports.bus.publish([events.batch_event(batch_id, events.BATCH_ACKNOWLEDGED)])
        return show.batch_view(after, own=ports.account_id, now=ports.clock.now())
    raise contention_error("Batch.Moved", f"Batch {batch_id}")


def _write_acknowledgement(before: Batch, caller: Caller, risks_version: str, version: int, ports: Ports) -> Batch:
    """Write the acknowledgement and return the batch.

    Nothing is written if the same operator has already acknowledged the batch.
    """
    if before.acknowledgement is not None and before.acknowledgement.operator == caller.name:
        return before
    if before.version != version:
        raise seen.batch_changed_refusal(before, version)
    after = acts.acknowledge_batch(before, caller.name, risks_version, ports.clock.now(), caller.trust.value)
    waves: Sequence[Sequence[str]] = ()
    if after.policy.stores_order:
        from shared.stages.waving import divide_batch_into_waves  # seldom needed, and every start of the function would pay for it

        waves = divide_batch_into_waves(after, ports)
    ports.batches.commit(before, after, waves=waves)
    return after
