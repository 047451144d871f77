"""How long Cloud Assistant remembers what ran: 30 days, and 10,000 records at most; what is older is in no list and under no id.

Source: DescribeInvocationResults and DescribeInvocations, pages of 2026-06-26 and 2026-09-21. Whether a record is one invocation or
one instance of it, and whether regions count apart, is not said: here it is one instance, and the account counts.
What has not ended is kept.
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
    """The results by age; what an older version of the state holds without a record is kept for good."""

    def __init__(self, world: EcsWorld) -> None:
        self._world, self._sql = world, world.cloud.db.sql
        self._sql.executescript(_SCHEMA)

    def add(self, key: str) -> None:
        """Count a result (its key in the store), and drop the oldest that are too many."""
        self._sql.execute("INSERT INTO ecs_records (scope, key, at_ms) VALUES (?,?,?)", (self._scope, key, self._world.now))
        (held,) = self._sql.execute("SELECT COUNT(*) FROM ecs_records WHERE scope=?", (self._scope,)).fetchone()
        self._drop_oldest(max(0, held - self._world.setting(SETTING, MOST)))

    def expire(self) -> None:
        """Drop what is too old; before every list."""
        limit_ms = self._world.now - DAYS * DAY
        (old,) = self._sql.execute("SELECT COUNT(*) FROM ecs_records WHERE scope=? AND at_ms<?", (self._scope, limit_ms)).fetchone()
        self._drop_oldest(old)

    def _drop_oldest(self, count: int) -> None:
        oldest = "SELECT n, key FROM ecs_records WHERE scope=? ORDER BY n LIMIT ?"
        for n, key in self._sql.execute(oldest, (self._scope, count)).fetchall() if count else ():
            self._drop(n, key)

    def _drop(self, n: int, key: str) -> None:
        """Drop a record and its result, and the invocation with the last of its results; not what has not ended."""
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
