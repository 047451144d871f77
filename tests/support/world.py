"""The deployed product, with the acts and the observations of tests: as an operator, as somebody outside, and as the cloud
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from localcloud.account import service
from localcloud.core.clock import VirtualClock, to_ms
from localcloud.core.hooks import offered
from localcloud.core.http import Request
from tests.support.console import start_job
from tests.support.looking import LookingApi
from tools.deployed.product import MINUTE_MS, URL, DeployedProduct

ASKED_EVERY_MIN = 5
"""Minutes until a condition is asked again although no row has changed: it may be about an event or a guest."""
SPARSE_MS = 7 * MINUTE_MS
"""Seven, so that within seven hours there is a tick in each minute of the hour: some things are done in a certain one."""


class World(DeployedProduct):
    """An account with the product deployed and its bus created. Use it inside ``with world.connected():``."""

    # Acting -------------------------------------------------------------------------------------------------------

    @property
    def api(self) -> LookingApi:
        """The HTTP API, through the signed trigger, as used by an operator who has just looked."""
        owner = self.cloud.owner
        return LookingApi(f"{URL}/http/replank-api", owner.access_key_id, owner.access_key_secret, operator=self.operator)

    def send(
        self, type: str, data: Any, *, event_id: str = "e1", source: str = "acs.test", bus: str = "replank", **more: Any
    ) -> None:
        """Publish an event as somebody outside would. ``more`` are further attributes."""
        now = datetime.fromtimestamp(self.cloud.clock.now_ms() / 1000, timezone.utc)
        event = {
            "id": event_id,
            "source": source,
            "specversion": "1.0",
            "type": type,
            "subject": "test",
            "time": now.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
            "aliyuneventbusname": bus,
            **more,
        }
        with self.cloud.lock, self.cloud.db.transaction():
            offered(self.cloud.hooks.put_event)(event)

    def set_by_hand(self, table: str, key: tuple[str, str], columns: dict[str, Any]) -> None:
        """Create a row, or set columns of it, as a person does in the Tablestore console."""
        from tablestore import Condition, OTSClient, Row, RowExistenceExpectation

        owner = self.cloud.owner
        client = OTSClient(URL, owner.access_key_id, owner.access_key_secret, "replank")
        anyhow = Condition(RowExistenceExpectation.IGNORE)
        if columns:
            client.update_row(table, Row([key], {"put": list(columns.items())}), anyhow)
        else:
            client.put_row(table, Row([key], []), anyhow)

    def start_job_in_the_console(self, instance_id: str, target: str) -> str:
        """Start a job in the ECS console, as an operator does when the console driver asks for it."""
        host = URL.partition("//")[2]
        return start_job(self.cloud, host, instance_id, target, pause=lambda: self.run(1))

    # Time ---------------------------------------------------------------------------------------------------------

    def skip_ms(self, by_ms: int) -> None:
        """Move the clock forward without doing what becomes due meanwhile."""
        clock = self.cloud.clock
        assert isinstance(clock, VirtualClock)
        clock.advance_to(clock.now_ms() + by_ms)

    def skip_to(self, moment: datetime) -> None:
        """Move the clock forward to a moment, as if the account stood still until then. What becomes due meanwhile comes late, and
        the timers leave out what they missed. It spares the ticks of a day in which a test only waits.
        """
        self.skip_ms(to_ms(moment) - self.cloud.clock.now_ms())

    def run_sparsely(self, minutes: float) -> None:
        """Let time pass as ``run`` does, but with a tick in every seventh minute only, as if the others were lost. Whatever is due
        between them comes later. For hours and days in which a test only waits.
        """
        end_ms = self.cloud.clock.now_ms() + round(minutes * MINUTE_MS)
        while (now_ms := self.cloud.clock.now_ms()) < end_ms:
            next_ms = (now_ms // SPARSE_MS + 1) * SPARSE_MS
            self.skip_ms(min(end_ms, next_ms - 1) - now_ms)
            self.run_until_ms(min(end_ms, next_ms + MINUTE_MS // 2))

    def run_until(self, condition: Callable[[], bool], *, minutes: int, every: float = 1, sparsely: bool = False) -> None:
        """Let time pass until a condition is true. Raises AssertionError if it is not within ``minutes`` virtual minutes.

        The condition is asked again once a row of the product has changed, and every ``ASKED_EVERY_MIN`` minutes. Mostly it calls
        the API, which takes longer than the minute that passes. With ``sparsely``, time passes as in ``run_sparsely``.
        """
        run = self.run_sparsely if sparsely else self.run
        end_ms = self.cloud.clock.now_ms() + minutes * MINUTE_MS
        while not condition():
            asked_ms, rows = self.cloud.clock.now_ms(), self._rows()
            if asked_ms >= end_ms:
                raise AssertionError(f"not reached within {minutes} minutes:\n{self.summary()}")
            run(every)
            while self._rows() == rows and self.cloud.clock.now_ms() < min(end_ms, asked_ms + ASKED_EVERY_MIN * MINUTE_MS):
                run(every)

    def _rows(self) -> list[tuple[int, bytes, str]]:
        """All rows in Tablestore as they are stored: table, key, columns."""
        return self.cloud.db.sql.execute("SELECT table_id, pk, row FROM ots_rows").fetchall()

    # Looking ------------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, str]:
        """State by instance id."""
        return {each["instanceId"]: each["state"] for each in self.migrations()}

    def batches(self) -> list[dict[str, Any]]:
        return list(self.api.get("/batches", limit=100)["batches"])

    @property
    def now(self) -> str:
        """The cloud's time, ISO 8601."""
        return datetime.fromtimestamp(self.cloud.clock.now_ms() / 1000, timezone.utc).isoformat()

    def inventory(self) -> dict[str, Any]:
        """Everything that the account contains: instances, snapshots, jobs, sources, tokens."""
        found: dict[str, Any] = self._admin("inventory")
        return found

    def disks(self, instance_id: str) -> dict[str, str]:
        """The digest of every disk of an instance, by disk id."""
        return {disk["disk_id"]: disk["digest"] for disk in self._admin("guests")[instance_id]["disks"]}

    def _admin(self, name: str) -> Any:
        return self.cloud.hooks.admin[name](Request("GET", f"/_localcloud/{name}", {}))[1]

    def summary(self) -> str:
        """The text that a failing test should show."""
        lines = [
            f"{each['instanceId']} {each['state']} hop {each.get('hop')} attempt {each.get('attempt')} {each.get('failure')}"
            for each in self.migrations()
        ]
        failed = [str(each) for each in self.failures()][-5:]
        return "\n".join(lines + failed)

    def failures(self) -> list[dict[str, Any]]:
        """Invocations that ended in an error, newest last, with their logs."""
        return [vars(each) for each in service(self.cloud, "fc").history.newest if each.error]

    def events(self, type: str) -> list[dict[str, Any]]:
        """The published events of a type, oldest first."""
        found = service(self.cloud, "eventbridge").traces.of_bus(self.cloud.account_id, "replank")
        return [each.event for each in found if each.event["type"] == type]

    def at(self, moment: datetime) -> None:
        """Run until a moment of virtual time."""
        self.run_until_ms(to_ms(moment))
