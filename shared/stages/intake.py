"""The intake stage: makes migrations from an end-of-life notice or a submitted batch, and publishes notices on a timer.

A notice never moves an instance. A notice only leads to a new batch and to prechecks. Instances move only after a person's
acknowledgement.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain import events
from shared.domain.batch import BY_A_PERSON, Batch, BatchState, LeftOutInstance, Problem, Selection
from shared.domain.errors import Refused, ReplankError, Stale
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, first_journal_entry
from shared.domain.notice import Notice, due_notices, parse_notice
from shared.domain.selecting import NOT_FOUND
from shared.ports.compute import FoundInstance
from shared.ports.migrations import NewMigration
from shared.ports.ports import Ports
from shared.stages.choosing import InstanceChoice, ecs_filter
from shared.stages.survey import RegionProblems, can_plan_without_silent_regions, instance_pages

if TYPE_CHECKING:
    from shared.domain.inventory import Inventory
    from shared.stages.waving import WaveOrderWriter

_LOG = logging.getLogger("replank")
MADE_AT_ONCE = 400
"""Number of migrations that are made together: two full calls of BatchWriteRow, and 25 full calls of PutEvents. Pages of a listing
have at most 100 instances, so smaller portions would leave room in most calls.
"""
MOST_SHOWN = 100
"""Maximum missing instances that the batch's own row shows. The list of left-out instances names every missing instance."""


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Handle one message: make a batch from a notice, plan a submitted batch, or publish notices for the inventory."""
    if message.type == events.END_OF_LIFE:
        return _plan_batch(_make_batch_from_notice(message, ports), ports)
    if message.type in (events.BATCH_SUBMITTED, events.PLANNING_DUE):
        return _plan_batch(ports.batches.load(str(message.data.get("batchId", ""))), ports)
    return _publish_notices(ports)


def _make_batch_from_notice(message: Message, ports: Ports) -> Batch:
    """Make a batch from a notice.

    The batch's id is derived from the notice's source and id, so a second delivery of the notice finds the same batch.
    """
    _refuse_unknown_notice_source(message.source, ports)
    notice: Notice = parse_notice(message.data, ports.catalog)
    batch_id = "b" + _short_digest(message.source, message.event_id)
    batch = Batch(
        batch_id=batch_id,
        state=BatchState.PLANNING,
        version=1,
        created_at=ports.clock.now(),
        origin="inventory" if message.source == events.SOURCE else "notice",
        created_by=message.source,
        selection=Selection(
            notice.regions or ports.regions, notice.instance_ids, notice.releases, _accounts_in_notice(notice, ports)
        ),
        policy=ports.notices.policy,
    )
    return batch if ports.batches.create(batch) else ports.batches.load(batch_id)


def _accounts_in_notice(notice: Notice, ports: Ports) -> tuple[str, ...]:
    """Return the accounts that a notice names. If the notice names no account, return every account that the deployment serves."""
    if not ports.member_accounts and not notice.accounts:
        return ()
    from shared.domain.accounts import OWN, stored_account_id

    chosen = tuple(dict.fromkeys(stored_account_id(each, ports.account_id, ports.member_accounts) for each in notice.accounts))
    return chosen or (OWN, *ports.member_accounts)


def _refuse_unknown_notice_source(source: str, ports: Ports) -> None:
    """Refuse a notice from a source that the settings do not name. Replank's own notices are always accepted."""
    if source in (events.SOURCE, *ports.notices.sources):
        return
    remedy = "Add the source to REPLANK_NOTICE_SOURCES, deploy again, then send the notice again."
    raise Refused("Notice.SourceNotAllowed", f"Notices from {source[:100]!r} are not accepted.", remedy)


def _plan_batch(batch: Batch, ports: Ports) -> Outcome:
    if batch.state is not BatchState.PLANNING:
        raise Stale("Batch.AlreadyPlanned", f"Batch {batch.batch_id} is already planned.", "Nothing to do.")
    survey, choice, selection = RegionProblems(), InstanceChoice(batch, ports), batch.selection
    order = _new_wave_order_writer(batch, ports)
    ids, accounts = selection.instance_ids, selection.account_ids
    pages = instance_pages(selection.regions, ports, survey, instance_ids=ids, accounts=accounts, only=ecs_filter(batch))
    for chosen in _portions(map(choice.choose_instances_from_page, pages)):
        choice.is_repeated |= not _create_migrations(chosen, batch, ports)
        if order is not None:
            order.buffer_sort_keys((_new_migration(each, batch, ports).migration_id, each) for each in chosen)
    if survey.silent and not can_plan_without_silent_regions(batch.created_at, ports.clock.now()):
        return _write_silent_regions(batch, survey, ports)
    if order is not None:
        order.write_buffered_sort_keys()
    missing = _record_missing_instances(choice)
    problems = (*survey.all_problems(again=False), *((each.instance_id, each.code, each.message) for each in missing[:MOST_SHOWN]))
    planned = choice.batch_with_choice()
    after = replace(planned, state=_state_after_planning(planned), version=batch.version + 1, problems=problems)
    ports.batches.commit(batch, after, left_out=choice.left_out_instances())
    return Outcome("done", {"batchId": batch.batch_id, "instances": after.size, "missing": len(missing), "leftOut": after.left_out})


def _portions(pages: Iterable[Sequence[FoundInstance]]) -> Iterator[list[FoundInstance]]:
    """Yield the instances of the pages in portions of ``MADE_AT_ONCE``, and then the rest."""
    waiting: list[FoundInstance] = []
    for page in pages:
        waiting += page
        while len(waiting) >= MADE_AT_ONCE:
            yield waiting[:MADE_AT_ONCE]
            waiting = waiting[MADE_AT_ONCE:]
    if waiting:
        yield waiting


def _state_after_planning(planned: Batch) -> BatchState:
    """Return the batch's state after the planning. A batch that was made from a notice and has no instances is closed, because
    nobody waits for the batch. Such a batch is stored nevertheless: it says why it is empty, and a second delivery of the
    notice finds it.
    """
    nobody_waits = planned.origin != BY_A_PERSON and not planned.size
    return BatchState.CLOSED if nobody_waits else BatchState.OPEN


def _record_missing_instances(choice: InstanceChoice) -> list[LeftOutInstance]:
    """Find the instances that the batch names but no region has, record them as left out, and return them."""
    selection = choice.batch.selection
    where = ", ".join(selection.regions)
    missing = [
        LeftOutInstance(id, NOT_FOUND, f"No instance {id} in {where}.") for id in selection.instance_ids if id not in choice.seen
    ]
    choice.left_out |= {("", "", each.instance_id): each for each in missing}
    return missing


def _new_wave_order_writer(batch: Batch, ports: Ports) -> WaveOrderWriter | None:
    """Return the writer that stores the sort order of the migrations; None if the batch has neither waves nor an order."""
    if not batch.policy.stores_order:
        return None
    from shared.stages.waving import WaveOrderWriter  # only batches with waves or an order need it

    return WaveOrderWriter(batch, ports)


def _write_silent_regions(batch: Batch, survey: RegionProblems, ports: Ports) -> Outcome:
    """Record on the batch that a region does not answer. The batch stays in the planning state.

    The tick starts the planning again, with a longer pause each time.
    """
    problems = survey.all_problems(again=True)
    if _locations_and_codes_of_problems(problems) != _locations_and_codes_of_problems(batch.problems):
        ports.batches.commit(batch, replace(batch, version=batch.version + 1, problems=problems))
    return Outcome("waiting", {"batchId": batch.batch_id, "silent": [region for region, _, _ in survey.silent]})


def _locations_and_codes_of_problems(problems: tuple[Problem, ...]) -> set[tuple[str, str]]:
    """For each problem, return the region or instance where it occurred, and its error code.

    The problems' sentences are left out, because they contain request ids, which differ in each answer.
    """
    return {(where, code) for where, code, _ in problems}


def _create_migrations(instances: list[FoundInstance], batch: Batch, ports: Ports) -> bool:
    """Make the missing migrations for some instances, and request their prechecks. Return True if none of the migrations
    existed before.

    Intake may crash at any point of this function. After a crash, the tick starts the planning again, which keeps existing rows and
    adds missing rows. The tick publishes events that stayed in an outbox.
    """
    wanted = [_new_migration_row(_new_migration(each, batch, ports), batch) for each in instances]
    made = [each for each, is_new in zip(wanted, ports.migrations.create_migrations(wanted), strict=True) if is_new]
    ports.bus.publish([event for each in made for event in each.events])
    ports.migrations.remove_last_outboxes([each.migration for each in made])
    return len(made) == len(instances)


def _new_migration_row(migration: Migration, batch: Batch) -> NewMigration:
    asked = events.migration_event(migration, events.MIGRATION_REQUESTED, stage="precheck")
    return NewMigration(migration, first_journal_entry(migration, by="intake", reason=f"batch {batch.batch_id}"), (asked,))


def _new_migration(instance: FoundInstance, batch: Batch, ports: Ports) -> Migration:
    now = ports.clock.now()
    return Migration(
        migration_id="m"
        + _short_digest(batch.batch_id, instance.region_id, instance.instance_id, *filter(None, (instance.account_id,))),
        batch_id=batch.batch_id,
        instance_id=instance.instance_id,
        region_id=instance.region_id,
        account_id=instance.account_id,
        state=State.ACCEPTED,
        version=1,
        entered_version=1,
        entered_at=now,
        created_at=now,
        driver=batch.policy.driver,
        instance_name=instance.name,
        os_type=instance.os_type,
        source=instance.os_name_en or instance.os_name,
        destination=batch.destinations.get(instance.instance_id, batch.destination),
        due_at=now + timedelta(minutes=5),
    )


def _publish_notices(ports: Ports) -> Outcome:
    """Once a month, publish a notice for each release that is out of support and that an instance still runs.

    The numbers of instances by release are stored as the inventory.
    """
    from shared.domain.inventory import InstanceCounter  # only the timer needs it

    count, survey, now = InstanceCounter(ports.catalog), RegionProblems(), ports.clock.now()
    for page in instance_pages(ports.regions, ports, survey, accounts=("", *ports.member_accounts)):
        for each in page:
            count.add_instance((each.account_id, each.region_id, each.instance_id), each.os_name, each.os_name_en)
    lacking = survey.all_problems(again=True)
    for problem in lacking:
        _LOG.error("the inventory lacks region %s: %s: %s", *problem)
    notices = due_notices(count.releases, now, ports.catalog)
    ports.bus.publish(notices)
    _write_inventory(count.inventory(now, lacking), ports)
    return Outcome("done", {"releases": len(count.releases), "notices": len(notices), "regionsLacking": len(lacking)})


def _write_inventory(inventory: Inventory, ports: Ports) -> None:
    """Store the inventory for people to read. An error is only logged, because no notice depends on the stored inventory."""
    try:
        ports.inventory.write_inventory(inventory)
    except ReplankError as error:
        _LOG.error("the inventory is not stored: %s", error)


def _short_digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
