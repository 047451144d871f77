"""Limits how long Cloud Assistant remembers finished commands: 30 days, and at most 10,000 records. Older records appear in no list
and under no id.

Source: DescribeInvocationResults and DescribeInvocations, pages of 2026-06-26 and 2026-09-21. The pages do not say whether a record
is an invocation or one of its instances, or whether each region counts apart. In this emulation a record is one instance's result,
and all regions of an account count together. Unfinished results are kept.
"""

from __future__ import annotations

from localcloud.ecs.world import DAY, EcsWorld

MOST, DAYS = 10_000, 30
SETTING = "command_records"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ecs_records (n INTEGER PRIMARY KEY, scope TEXT NOT NULL, key TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS ecs_records_by_scope ON ecs_records (scope, n);
CREATE INDEX IF NOT EXISTS ecs_records_by_age ON ecs_records (scope, at_ms);
"""


class Records:
    """The results by age. A result without a record comes from an older version of the state, and is kept for good."""

    def __init__(self, world: EcsWorld) -> None:
        self._world, self._sql = world, world.cloud.db.sql
        self._sql.executescript(_SCHEMA)

    def add(self, key: str) -> None:
        """Record a result (by its key in the store). Delete the oldest records beyond the limit."""
        self._sql.execute("INSERT INTO ecs_records (scope, key, at_ms) VALUES (?,?,?)", (self._scope, key, self._world.now))
        (held,) = self._sql.execute("SELECT COUNT(*) FROM ecs_records WHERE scope=?", (self._scope,)).fetchone()
        self._drop_oldest(max(0, held - self._world.setting(SETTING, MOST)))

    def expire(self) -> None:
        """Delete expired records. This runs before every list."""
        limit_ms = self._world.now - DAYS * DAY
        (old,) = self._sql.execute("SELECT COUNT(*) FROM ecs_records WHERE scope=? AND at_ms<?", (self._scope, limit_ms)).fetchone()
        self._drop_oldest(old)

    def _drop_oldest(self, count: int) -> None:
        oldest = "SELECT n, key FROM ecs_records WHERE scope=? ORDER BY n LIMIT ?"
        for n, key in self._sql.execute(oldest, (self._scope, count)).fetchall() if count else ():
            self._drop(n, key)

    def _drop(self, n: int, key: str) -> None:
        """Delete a record and its result, and with the last result the invocation. Unfinished results stay."""
        store, invoke = self._world.store, key.partition(":")[0]
        result = store.get("result", key)
        if result is not None and result["InvokeRecordStatus"] == "Running":
            return
        self._sql.execute("DELETE FROM ecs_records WHERE n=?", (n,))
        store.delete("result", key)
        if not store.count("result", {"invoke": invoke}):
            store.delete("invocation", invoke)

    @property
    def _scope(self) -> str:
        return self._world.cloud.db.scope("result")
