"""Limits, judged once more from the cloud's own records alone: which snapshots it made and which jobs it ran, and when.

Nothing here reads what the product says of its slots, of its states or of its windows. Of the rows only the batch itself is read:
the policy that a person gave, how the waves were cut, and when somebody paused or resumed it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from tests.simulation import records
from tests.simulation.invariants.times import within
from tests.simulation.records import Batch
from tests.simulation.truth import Truth

FAILED, FINISHED = "InError", "Finished"
NOTICED = timedelta(minutes=5)
"""So long the product may take to notice that a job has ended, and what was offered before to begin."""


@dataclass(frozen=True)
class Move:
    """What the cloud did to one instance: from its first snapshot to the end of its last job."""

    instance_id: str
    account: str
    region: str
    snapshots: tuple[datetime, ...]
    jobs: tuple[datetime, ...]
    """When each job began."""
    ended: datetime
    failed: bool = False

    @property
    def began(self) -> datetime:
        return min((*self.snapshots, *self.jobs))

    def turns(self) -> Iterator[tuple[datetime, datetime]]:
        """From when to when it moved. It gave its turn up if no job followed its snapshots, and later ones began another turn."""
        began, last, jobs = self.began, self.began, sorted(self.jobs)
        for at in sorted(self.snapshots):
            if at - last > NOTICED and not any(job < at for job in jobs):
                yield began, last
                began = at
            last = at
        yield began, self.ended


class CloudRecords:
    """Keeps each job as the cloud had it last, because the product deletes its jobs."""

    def __init__(self, truth: Truth) -> None:
        self._truth, self._jobs = truth, defaultdict[tuple[str, str], dict[str, dict[str, Any]]](dict)
        docs, accounts = truth.smc.jobs, truth.cloud.accounts
        put = docs.put

        def kept(id: str, doc: dict[str, Any]) -> None:
            put(id, doc)
            self._jobs[accounts.current, doc["sim"]["instance_id"]][id] = doc

        docs.put = kept

    def moves(self) -> list[Move]:
        """One for each instance that has a snapshot of the product or a job."""
        found: list[Move] = []
        for account in self._truth.cloud.accounts.everywhere():
            snapshots = defaultdict[str, list[datetime]](list)
            for each in self._truth.snapshots():
                if each["SnapshotName"].startswith(records.OURS):
                    snapshots[each["sim"]["instance"]].append(_moment(each["CreationTime"]))
            begun = {id for owner, id in self._jobs if owner == account.id}
            for id in sorted(begun | set(snapshots)):
                jobs = list(self._jobs.get((account.id, id), {}).values())
                found.append(self._move(account.id, id, snapshots[id], [each for each in jobs if each["StartTime"]]))
        return found

    def _move(self, account: str, id: str, snapshots: list[datetime], jobs: list[dict[str, Any]]) -> Move:
        region = self._truth.ecs.store.get("instance", id)["RegionId"]
        starts = tuple(_moment(each["StartTime"]) for each in jobs)
        ends = [_moment(each["EndTime"]) for each in jobs if each["EndTime"]]
        failed = any(each["Status"] == FAILED for each in jobs)
        return Move(id, account, region, tuple(snapshots), starts, max((*ends, *starts, *snapshots)), failed)


@dataclass(frozen=True)
class Rules:
    """What must hold: the batch as submitted, the account's limit, the wave and the group of each instance, the batch's acts."""

    batch: Batch
    account_limit: int
    waves: Mapping[str, int]
    groups: Mapping[str, str]
    stops: tuple[tuple[datetime, datetime], ...] = ()
    """From when to when nothing new was allowed to begin, because the batch had paused."""


def swept(moves: Iterable[Move], rules: Rules) -> list[str]:
    """What was against the rules, in sentences."""
    found, policy = list(moves), rules.batch.policy
    limits: list[tuple[str, Callable[[Move], str], int | None]] = [
        ("account", lambda move: move.account, rules.account_limit),
        ("batch", lambda move: rules.batch.batch_id, policy.max_moving),
        ("region", lambda move: move.region, policy.per_region),
        ("wave", lambda move: str(rules.waves[move.instance_id]), policy.per_wave),
        ("group", lambda move: rules.groups.get(move.instance_id, move.instance_id), 1),
    ]
    crowds = (_crowds(name, key, most, found) for name, key, most in limits if most is not None)
    return [*chain.from_iterable(crowds), *_outside(found, rules), *_early(found, rules), *_over_budget(found, rules)]


def _crowds(name: str, key: Callable[[Move], str], most: int, moves: list[Move]) -> Iterator[str]:
    """Sweep over all beginnings and ends in the order of time."""
    ends = [(ended, 0, key(move)) for move in moves for _, ended in move.turns()]
    begins = [(began, 1, key(move)) for move in moves for began, _ in move.turns()]
    now: Counter[str] = Counter()
    for at, is_begin, place in sorted(begins + ends):
        now[place] += 1 if is_begin else -1
        if is_begin and now[place] > most:
            yield f"{name}: {now[place]} moved at once in {place} at {at:%d %H:%M}, the limit is {most}"


def _outside(moves: list[Move], rules: Rules) -> Iterator[str]:
    for move in moves:
        for what, moments in (("a snapshot", move.snapshots), ("a job", move.jobs)):
            for at in moments:
                if not within(rules.batch.policy, at):
                    yield f"window: {what} of {move.instance_id} began at {at:%d %H:%M}"


def _early(moves: list[Move], rules: Rules) -> Iterator[str]:
    """Who began before the wave before had ended."""
    ends: dict[int, datetime] = {}
    for move in moves:
        wave = rules.waves[move.instance_id]
        ends[wave] = max(ends.get(wave, move.ended), move.ended)
    for move in moves:
        before = [end for wave, end in ends.items() if wave < rules.waves[move.instance_id]]
        if before and move.began < max(before):
            yield f"wave order: {move.instance_id} began at {move.began:%d %H:%M}, before the wave before had ended"


def _over_budget(moves: list[Move], rules: Rules) -> Iterator[str]:
    """Who began while the batch had paused, or after more failures than the budget since the last resume."""
    resumes = [until for _, until in rules.stops]
    failures = sorted(move.ended for move in moves if move.failed)
    for move in moves:
        if any(since + NOTICED < move.began < until for since, until in rules.stops):
            yield f"pause: {move.instance_id} began at {move.began:%d %H:%M}, while the batch was paused"
        since = max((each for each in resumes if each <= move.began), default=datetime.min.replace(tzinfo=move.began.tzinfo))
        failed = sum(since <= at < move.began - NOTICED for at in failures)
        if failed > rules.batch.budget:
            yield f"budget: {move.instance_id} began at {move.began:%d %H:%M}, after {failed} failures"


def _moment(text: str) -> datetime:
    found = records.moment(text)
    assert found is not None
    return found


def paused_times(journal: Iterable[Mapping[str, Any]]) -> tuple[tuple[datetime, datetime], ...]:
    """From when to when a batch was paused, by its journal. A pause that nobody ended lasts for ever."""
    found: list[tuple[datetime, datetime]] = []
    since: datetime | None = None
    for line in sorted(journal, key=lambda line: int(line["version"])):
        if line["act"] == "pause":
            since = since or _moment(line["at"])
        elif line["act"] == "resume" and since is not None:
            found.append((since, _moment(line["at"])))
            since = None
    return tuple(found) if since is None else (*found, (since, datetime.max.replace(tzinfo=since.tzinfo)))
