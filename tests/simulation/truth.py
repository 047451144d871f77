"""The real state: all rows as they are written and the account's own resources, read without the product's code."""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.account import service
from localcloud.core.app import Cloud
from localcloud.core.hooks import SmcOnEcs, offered
from localcloud.ecs.detached import RUN
from localcloud.ecs.guest.blob import Tree, unpack
from localcloud.tablestore.rows import Row
from localcloud.tablestore.schema import Table
from tests.simulation import records
from tests.simulation.acts import ToolAct, act_in, act_of, decoded
from tests.simulation.policies import Policy
from tests.simulation.records import Batch, Columns, Entry, Migration, State

_WATCHED = ("ecs", "smc")


@dataclass(frozen=True)
class Change:
    """One written row: the table, its key, and the columns before and after (None: no row)."""

    table: str
    key: tuple[Any, ...]
    before: Columns | None
    after: Columns | None


@dataclass(frozen=True)
class Effect:
    """One call of ECS or SMC that had its effect. ``before`` is the resource that the call was about to delete."""

    operation: str
    params: dict[str, Any]
    principal: str
    answer: dict[str, Any]
    before: dict[str, Any] | None = None

    @property
    def ours(self) -> bool:
        """Whether a function of the product made the call."""
        return self.principal.startswith("role:")


@dataclass(frozen=True)
class Happening:
    """Something that SMC did to an instance: it ``replaced`` the system, ``copied`` the disks, or put the copies ``back``.

    ``ids`` are the snapshots. A tool in the guest may replace the system too; when it begins to ``run``, ``ids`` is its command.
    """

    kind: str
    instance_id: str
    ids: tuple[str, ...] = ()


@dataclass
class Truth:
    """All rows by table, updated with every write. ``count`` is the number of writes."""

    cloud: Cloud
    on_change: Callable[[Change], None] = lambda change: None
    on_effect: Callable[[Effect], None] = lambda effect: None
    on_happening: Callable[[Happening], None] = lambda happening: None
    migrations: dict[str, Migration] = field(default_factory=dict)
    rows: dict[str, Columns] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    batch_rows: dict[str, Columns] = field(default_factory=dict)
    policies: dict[str, list[tuple[int, Policy]]] = field(default_factory=lambda: defaultdict(list))
    """By batch: (write number, policy) of every change of its policy; the first one is the policy as submitted."""
    locks: dict[str, Columns] = field(default_factory=dict)
    ledger: dict[tuple[str, str], Entry] = field(default_factory=dict)
    count: int = 0
    past: dict[str, list[tuple[int, int, State]]] = field(default_factory=lambda: defaultdict(list))
    """By migration: (write number, time in ms, state) of every change of state."""
    taken: set[str] = field(default_factory=set)
    """The ids of the events that the bus has taken, whether or not it has delivered them."""

    def attach(self) -> None:
        """Observe the cloud's store and services from now on."""
        store = service(self.cloud, "tablestore")._store
        replace = store.replace

        def replaced(table: Table, key: bytes, old: Row | None, new: Row | None) -> None:
            replace(table, key, old, new)
            row = new or old
            if row is not None:
                self._written(Change(table.name, row.key, _columns(old), _columns(new)))

        store.replace = replaced
        for name in _WATCHED:
            self._watch(service(self.cloud, name))
        self._watch_bus(service(self.cloud, "eventbridge").publisher)
        self._watch_smc(offered(self.cloud.hooks.ecs))
        self._watch_tools(service(self.cloud, "ecs").detached)

    def _watch_bus(self, publisher: Any) -> None:
        put_one = publisher._put_one

        def put(event: Any) -> dict[str, Any]:
            answer: dict[str, Any] = put_one(event)
            if "TraceId" in answer:
                self.taken.add(str(answer["EventId"]))
            return answer

        publisher._put_one = put

    def _watch_tools(self, detached: Any) -> None:
        """Observe what guests run outside of commands."""
        replace, begin = detached._replace, self.cloud.outside[RUN]

        def replaced(id: str, target: str, more: dict[str, str]) -> None:
            replace(id, target, more)
            self.on_happening(Happening("replaced", id))

        def begun(job: Any) -> None:
            if detached._current(job.payload) is not None:
                self.on_happening(Happening("run", job.payload["instance"], (job.payload["command"],)))
            begin(job)

        detached._replace, self.cloud.outside[RUN] = replaced, begun

    def _watch_smc(self, facade: SmcOnEcs) -> None:
        """Observe what SMC does to instances by itself, which no call shows."""
        replace, copy, put_back = facade.replace_system, facade.snapshot_disks, facade.put_back

        def replaced(id: str, target: str) -> None:
            replace(id, target)
            self.on_happening(Happening("replaced", id))

        def copied(id: str, prefix: str) -> list[str]:
            made = copy(id, prefix)
            self.on_happening(Happening("copied", id, tuple(made)))
            return made

        def back(id: str, snapshots: list[str]) -> bool:
            done = put_back(id, snapshots)
            if done:
                self.on_happening(Happening("back", id, tuple(snapshots)))
            return done

        vars(facade).update(replace_system=replaced, snapshot_disks=copied, put_back=back)

    def _watch(self, watched: Any) -> None:
        perform = watched.perform

        def performed(call: Any, caller: Any) -> Any:
            before = self._about_to_go(call)
            answer = perform(call, caller)
            if not call.operation.startswith(("Describe", "List")):
                body = json.loads(answer.body)
                self.on_effect(Effect(call.operation, call.params, caller.principal, body, before))
            return answer

        watched.perform = performed

    def _about_to_go(self, call: Any) -> dict[str, Any] | None:
        if call.operation == "DeleteSnapshot":
            return self.snapshot(call.params["SnapshotId"])
        if call.operation == "DeleteCommand":
            command: dict[str, Any] | None = self.ecs.store.get("command", call.params["CommandId"])
            return command
        if call.operation in ("DeleteDisk", "DetachDisk"):
            disk: dict[str, Any] | None = self.ecs.store.get("disk", call.params["DiskId"])
            return disk
        found: dict[str, Any] | None = (
            self.smc.sources.get(call.params["SourceId"]) if call.operation == "DeleteSourceServer" else None
        )
        return found

    def _written(self, change: Change) -> None:
        self.count += 1
        keep = getattr(self, f"_keep_{change.table}", None)
        if keep is not None:
            keep(change)
            self.on_change(change)

    def _keep_migrations(self, change: Change) -> None:
        id = change.key[0]
        if change.after is None:
            self.migrations.pop(id, None)
            self.rows.pop(id, None)
            return
        self.rows[id] = change.after
        if change.before is None or change.before["doc"] != change.after["doc"]:
            self.migrations[id] = found = records.migration(change.after["doc"])
            past = self.past[id]
            if not past or past[-1][2] is not found.state:
                past.append((self.count, self.cloud.clock.now_ms(), found.state))

    def _keep_batches(self, change: Change) -> None:
        if change.after is not None:
            self.batch_rows[change.key[0]] = change.after
            more = (str(change.after.get(name, "")) for name in ("doc_asked", "doc_chosen"))
            self.batches[change.key[0]] = found = records.batch(change.after["doc"], *more)
            past = self.policies[change.key[0]]
            if not past or past[-1][1] != found.policy:
                past.append((self.count, found.policy))

    def _keep_locks(self, change: Change) -> None:
        if change.after is None:
            self.locks.pop(change.key[0], None)
        else:
            self.locks[change.key[0]] = change.after

    def _keep_snapshots(self, change: Change) -> None:
        if change.after is None:
            self.ledger.pop((change.key[0], change.key[1]), None)
        else:
            self.ledger[change.key[0], change.key[1]] = records.entry(change.after["doc"])

    # Asked by checkers --------------------------------------------------------------------------------------------

    def states_since(self, migration_id: str, began: int) -> set[State]:
        """The states that a migration has been in since a write number."""
        found: set[State] = set()
        for number, _, state in self.past[migration_id]:
            if number <= began:
                found.clear()
            found.add(state)
        return found

    def moving_since(self, migration_id: str) -> int:
        """The write number before which the migration was last not moving; 0 if it has moved from the first."""
        at = len(self.past[migration_id])
        while at and self.past[migration_id][at - 1][2] in records.MOVING:
            at -= 1
        return self.past[migration_id][at - 1][0] if at else 0

    def policies_since(self, batch_id: str, began: int) -> list[Policy]:
        """The policies that were in force in a batch at any time since a write number, the oldest first."""
        found: list[Policy] = []
        for number, policy in self.policies[batch_id]:
            if number <= began:
                found.clear()
            found.append(policy)
        return found

    def holder(self, migration: Migration) -> str:
        """The migration that holds the lock of this migration's instance."""
        where = ":".join(filter(None, (migration.account_id, migration.region_id, migration.instance_id)))
        row = self.locks.get(f"instance:{where}") or {}
        return str(row.get("migration_id", ""))

    def slots(self) -> dict[str, str]:
        """The holders of slots: batch by migration."""
        row = self.locks.get(records.SLOTS) or {}
        return {name[len(records.HELD) :]: str(batch) for name, batch in row.items() if name.startswith(records.HELD)}

    def homes(self) -> dict[str, str]:
        """The account of each migration that holds a slot, by the migrations' own rows."""
        return {each: self.migrations[each].account_id for each in self.slots()}

    def refusing(self, account_id: str) -> dict[str, Any] | None:
        """The refusal that the rows record for a member account."""
        row = self.locks.get(records.REFUSING + account_id)
        found: dict[str, Any] | None = json.loads(row["trouble"]) if row else None
        return found

    def held(self) -> bool:
        """Whether a person holds everything."""
        return records.holds(self.locks.get(records.HOLD))

    def counted(self) -> Counter[str]:
        """The number of slots of each batch, and of the account (under an empty name), as the row counts them."""
        row = self.locks.get(records.SLOTS) or {}
        return Counter({name[len(records.COUNT) :]: int(count) for name, count in row.items() if name.startswith(records.COUNT)})

    def failed(self, batch_id: str) -> set[str]:
        """The migrations that the batch's row counts as failed."""
        row = self.batch_rows.get(batch_id) or {}
        noted = {name[len(records.FAILED) :]: attempt for name, attempt in row.items() if name.startswith(records.FAILED)}
        least = {id: max(row.get(records.FORGIVEN + id, 0) + 1, row.get(records.MOVED + id, 0)) for id in noted}
        return {id for id, attempt in noted.items() if attempt >= least[id]}

    def brake(self, batch_id: str) -> str:
        """Whether the batch starts anything new: GOES_ON, or the reason why not."""
        return str(records.control(self.batch_rows.get(batch_id) or {})["brake"])

    def of_job(self, job_id: str) -> Migration | None:
        """The migration that a job belongs to."""
        return next((each for each in self.migrations.values() if each.handle.job_id == job_id), None)

    def launched(self, effect: Effect) -> Migration | None:
        """The migration whose job or tool the product starts with this call; None if the call starts nothing."""
        if effect.operation == "StartReplicationJob":
            return self.of_job(effect.params["JobId"])
        act = self._act_of_call(effect)
        return self.migrations.get(act.migration_id) if act and act.verb == "start" else None

    def _act_of_call(self, effect: Effect) -> ToolAct | None:
        """The act that a call sends to a guest. The parameters of a kept command are in the script of its invocation."""
        if effect.operation == "InvokeCommand":
            return self.act_of(effect.answer["InvokeId"])
        return act_of(effect.params) if effect.operation == "RunCommand" else None

    def act_of(self, invoke_id: str) -> ToolAct | None:
        """The act that a command carried out, if it was one of the guest driver's."""
        return act_in(self.script(invoke_id))

    def script(self, invoke_id: str) -> str:
        """The script that a command ran, with its parameters; empty if the account has forgotten the command."""
        doc = self.ecs.store.get("invocation", invoke_id)
        if doc is None:
            return ""
        script = decoded(self.cloud.db.blob(doc["sim"]["content"]).decode())
        for name, value in ast.literal_eval(doc["Parameters"]).items():
            script = script.replace(f"{{{{{name}}}}}", value)
        return script

    def system_disk(self, instance_id: str) -> Tree:
        """The content of the system disk; empty if the instance is gone."""
        found = [disk for disk in self.disks(instance_id) if disk["sim"]["mount"] in ("/", "C:")]
        return unpack(self.cloud.db.blob(found[0]["sim"]["blob"])) if found else {}

    def of_instance(self, instance_id: str, account_id: str = "") -> list[Migration]:
        mine = (instance_id, account_id)
        return [each for each in self.migrations.values() if (each.instance_id, each.account_id) == mine]

    # The account --------------------------------------------------------------------------------------------------

    @property
    def ecs(self) -> Any:
        return service(self.cloud, "ecs").world

    @property
    def smc(self) -> Any:
        return service(self.cloud, "smc").world

    def snapshot(self, id: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.ecs.store.get("snapshot", id)
        return found

    def snapshots(self) -> list[dict[str, Any]]:
        return list(self.ecs.store.find("snapshot", {}))

    def disks(self, instance_id: str) -> list[dict[str, Any]]:
        """Attached disks without SMC's transit disk and the product's media disk."""
        found = [disk for disk in self.ecs.disks(instance_id) if not disk["sim"].get("transit")]
        return [disk for disk in found if not is_media_disk(disk)]

    def results(self, instance_id: str) -> list[dict[str, Any]]:
        """What Cloud Assistant ran in an instance, with the results."""
        return list(self.ecs.store.find("result", {"instance": instance_id}))

    def jobs(self) -> list[dict[str, Any]]:
        return [job for _, job in self.smc.jobs.items()]


def is_media_disk(disk: dict[str, Any]) -> bool:
    """Whether the tag of a disk says that the product made it for installation media."""
    return {"TagKey": "replank:purpose", "TagValue": "media"} in disk["Tags"]["Tag"]


def is_about_gone_disk(operation: str, summary: str, truth: Truth) -> bool:
    """Whether a call names a disk that does not exist any more."""
    id = summary.partition("DiskId=")[2].partition(" ")[0]
    return operation in ("AttachDisk", "DetachDisk", "DeleteDisk") and not truth.ecs.store.has("disk", id)


def _columns(row: Row | None) -> Columns | None:
    if row is None:
        return None
    return {name: latest[1] for name in row.cells if (latest := row.latest(name)) is not None}
