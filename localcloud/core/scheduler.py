"""All work that is due later, as stored jobs: snapshot progress, restarts, timers, deliveries and retries.

A job is data (a kind and a JSON payload). So a cloud that is killed continues where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.core.accounts import Accounts
from localcloud.core.db import Db

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (seq INTEGER PRIMARY KEY AUTOINCREMENT, due_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  key TEXT NOT NULL, payload TEXT NOT NULL, periodic INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_ms, seq);
CREATE INDEX IF NOT EXISTS jobs_key ON jobs (kind, key);
"""

_ACCOUNT = "ALTER TABLE jobs ADD COLUMN account TEXT NOT NULL DEFAULT ''"
"""The account of a job. Empty means the account that everything is deployed into; states from before there were several accounts
have only that.
"""

JobHandler = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """A job taken from the queue. ``due_ms`` is when the job was due."""

    seq: int
    due_ms: int
    kind: str
    key: str
    payload: dict[str, Any]
    account: str = ""


class Scheduler:
    """Jobs ordered by due time, then by the order of scheduling. The caller holds the cloud's lock.

    A job belongs to the account that was current when it was scheduled. So does its key: ``cancel`` affects no job of another
    account.
    """

    def __init__(self, db: Db, accounts: Accounts) -> None:
        self._sql, self._accounts = db.sql, accounts
        self._sql.executescript(_SCHEMA)
        if "account" not in {row[1] for row in self._sql.execute("PRAGMA table_info(jobs)")}:
            self._sql.execute(_ACCOUNT)
        self._handlers: dict[str, JobHandler] = {}

    def on(self, kind: str, handler: JobHandler) -> None:
        """Register the handler for the jobs of a kind, for example ``ecs.snapshot_finished``."""
        self._handlers[kind] = handler

    def at(self, due_ms: int, kind: str, payload: dict[str, Any], *, key: str = "", periodic: bool = False) -> None:
        """Schedule a job. ``key`` identifies it for ``cancel``. ``periodic`` marks a timer; timers alone do not count as work."""
        if kind not in self._handlers:
            raise LookupError(f"no handler for jobs of kind {kind}")
        self._sql.execute(
            "INSERT INTO jobs (due_ms, kind, key, payload, periodic, account) VALUES (?,?,?,?,?,?)",
            (due_ms, kind, key, json.dumps(payload, separators=(",", ":")), int(periodic), self._account),
        )

    def cancel(self, kind: str, key: str) -> int:
        """Cancel all jobs of a kind and key. Returns how many there were."""
        return self._sql.execute("DELETE FROM jobs WHERE kind=? AND key=? AND account=?", (kind, key, self._account)).rowcount

    @property
    def _account(self) -> str:
        current = self._accounts.current
        return "" if current == self._accounts.own else current

    def kinds(self) -> list[str]:
        """The kinds of all waiting jobs."""
        return sorted(self._handlers)

    def keys(self, kind: str) -> set[str]:
        """The keys of all waiting jobs of a kind."""
        return {key for (key,) in self._sql.execute("SELECT key FROM jobs WHERE kind=?", (kind,))}

    def next_due_ms(self) -> int | None:
        row = self._sql.execute("SELECT due_ms FROM jobs ORDER BY due_ms, seq LIMIT 1").fetchone()
        return row[0] if row else None

    def due(self, now_ms: int, limit: int = 64) -> list[Job]:
        """The jobs due by ``now_ms``, oldest first, at most ``limit``. Each job stays in the queue until ``take``."""
        rows = self._sql.execute(
            "SELECT seq, due_ms, kind, key, account, payload FROM jobs WHERE due_ms<=? ORDER BY due_ms, seq LIMIT ?",
            (now_ms, limit),
        )
        return [Job(seq, due, kind, key, json.loads(payload), owner) for seq, due, kind, key, owner, payload in rows.fetchall()]

    def take(self, job: Job) -> bool:
        """Remove a job from the queue. Returns False if the job was cancelled meanwhile."""
        return self._sql.execute("DELETE FROM jobs WHERE seq=?", (job.seq,)).rowcount == 1

    def put_off(self, job: Job, due_ms: int) -> None:
        """Keep a job in the queue, due at a later moment."""
        self._sql.execute("UPDATE jobs SET due_ms=? WHERE seq=?", (due_ms, job.seq))

    def perform(self, job: Job) -> None:
        """Carry out a job that was already taken, in the caller's transaction."""
        self._handlers[job.kind](job.payload)

    def has_work(self, after_ms: int = -1) -> bool:
        """Whether a job other than a timer waits that is due after ``after_ms``."""
        return self._sql.execute("SELECT 1 FROM jobs WHERE periodic=0 AND due_ms>? LIMIT 1", (after_ms,)).fetchone() is not None
