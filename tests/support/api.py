"""The HTTP API over ports in memory, called in the same way as by Function Compute's HTTP trigger."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from cli.client import ApiClient, problem_from_answer
from shared.domain import record
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.errors import Stale
from shared.domain.hop import Hop
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.migration import Failure, Migration, State, first_journal_entry
from shared.domain.policy import Policy
from shared.domain.roles import AccessRules
from shared.runtime import web
from shared.runtime.http_rules import VERSION
from shared.runtime.settings import Settings
from tests.support.fakes import NOON, Fakes

Json = dict[str, Any]


@record.dataclass(frozen=True)
class ApiSettings(Settings):
    """The settings of an API in memory."""

    region: str = "cn-hangzhou"
    snapshot_price: float = 0.02
    currency: str = "USD"
    account_id: str = "1"
    access_rules: AccessRules | None = field(default_factory=AccessRules)


@dataclass
class ApiInMemory:
    """The API. ``fakes`` are the ports behind it."""

    fakes: Fakes = field(default_factory=Fakes)
    shown: ApiSettings = field(default_factory=ApiSettings)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Json | None = None,
        operator: str = "ann",
        seen: int | None = None,
    ) -> Json:
        """The trigger's event. An act names the current version, as if the person had just looked, unless ``seen`` is given.

        With 0 it names no version.
        """
        version = self.version(path) if seen is None and method == "POST" else seen
        named = {"X-Replank-Operator": operator, "Content-Type": "application/json"} if operator else {}
        return {
            "version": "v1",
            "rawPath": f"{VERSION}{path}",
            "body": "" if body is None else json.dumps(body),
            "isBase64Encoded": False,
            "headers": {**named, **({"If-Match": f'"{version}"'} if version else {})},
            "queryParameters": query or {},
            "requestContext": {"http": {"method": method, "path": f"{VERSION}{path}"}, "requestId": "R1"},
        }

    def version(self, path: str) -> int:
        """The version of the migration or batch that the path names; 0 if it names neither."""
        _, kind, id, *_ = [*path.split("/"), "", ""]
        if kind == "migrations" and id in self.fakes.migrations.rows:
            return self.fakes.migrations.rows[id].migration.version
        return self.fakes.batches.rows[id].version if kind == "batches" and id in self.fakes.batches.rows else 0

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Json:
        """Send a request. Returns the trigger's answer."""
        return self.answered(self.request(method, path, body, **more))

    def answered(self, request: Json) -> Json:
        """The trigger's answer to an event."""
        return web.handle_request(request, self.fakes.ports, self.shown, "R1")

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Json]:
        """Send a request. Returns the status and the parsed body."""
        return self.handled(self.request(method, path, body, **more))

    def handled(self, request: Json) -> tuple[int, Json]:
        answer = self.answered(request)
        return answer["statusCode"], json.loads(answer["body"])

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Send a request that must fail. Returns the status and the error code."""
        status, answer = self.call(method, path, body, **more)
        return status, answer["Code"]

    def pages(self, path: str, items: str, limit: int) -> list[Json]:
        """Every item of a list, over all its pages."""
        found: list[Json] = []
        token = ""
        while True:
            query = {"limit": str(limit), **({"nextToken": token} if token else {})}
            page = self.call("GET", path, query=query)[1]
            found += page[items]
            token = page["nextToken"]
            if not token:
                return found

    def open_batch(self, *migrations: Migration, dry_run: bool = False) -> str:
        """Create a planned batch with these migrations. Returns its id."""
        batch_id = f"b{len(self.fakes.batches.rows)}"
        chosen = Selection(("cn-hangzhou",), releases=("centos-7",))
        batch = Batch(batch_id, BatchState.OPEN, 2, NOON, "notice", "acme", chosen, Policy(), dry_run=dry_run, size=len(migrations))
        self.fakes.batches.create(batch)
        for each in migrations:
            mine = replace(each, batch_id=batch_id)
            first = replace(mine, state=State.ACCEPTED, version=1)
            self.fakes.migrations.create(mine, first_journal_entry(first, by="intake", reason="test"), ())
        return batch_id

    def lose_races(self, times: int) -> None:
        """Make the next ``times`` commits of migrations fail because the row has changed."""
        real, left = type(self.fakes.migrations).commit, [times]

        def commit(step: Any) -> None:
            if left[0] > 0:
                left[0] -= 1
                raise Stale("Migration.Moved", "The row has moved on.", "Look again.")
            real(self.fakes.migrations, step)

        self.fakes.migrations.commit = commit  # type: ignore[method-assign]


class ApiInHand(ApiClient):
    """The API as the command line uses it, answered in memory."""

    def __init__(self, api: ApiInMemory, operator: str = "ann") -> None:
        super().__init__("", "", "", operator=operator)
        self.api = api

    def send_request(self, method: str, path: str, *, query: Json | None = None, body: Json | None = None, seen: int = 0) -> Any:
        given = {name: str(value) for name, value in (query or {}).items()}
        request = self.api.request(method, path, body, query=given, operator=self.operator, seen=seen)
        status, answer = self.api.handled(request)
        if status >= 400:
            raise problem_from_answer(status, answer)
        return answer


def migration(migration_id: str, state: State = State.MIGRATED, *, instance_id: str = "i-1") -> Migration:
    """A migration from CentOS 7 in a state. A failed one failed in SMC."""
    failure = Failure("migrate", "Smc.JobFailed", "M199", "Retry.") if state is State.FAILED else None
    return Migration(
        migration_id=migration_id,
        batch_id="",
        instance_id=instance_id,
        region_id="cn-hangzhou",
        state=state,
        version=7,
        entered_version=7,
        entered_at=NOON,
        created_at=NOON,
        source="CentOS  7.9 64 bit",
        hops=(Hop("centos-7", "alinux-3"),),
        failure=failure,
        snapshots_made=1,
    )


def entry(migration_id: str, key: str, state: SnapshotState = SnapshotState.ACCOMPLISHED) -> LedgerEntry:
    """A ledger entry of a 40 GiB snapshot."""
    return LedgerEntry(migration_id, key, "cn-hangzhou", "i-1", "d-1", 0, "replank", state, NOON, f"s-{key}", 40)
