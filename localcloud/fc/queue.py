"""Asynchronous invocations: stored, run at least once, retried with growing delays, reported to destinations.

An invocation stays in the table until it has succeeded or was given up. So an invocation that a kill interrupted runs again.
Source: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/retry-policy. The length of the delays is an assumption.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.core.hooks import offered
from localcloud.core.scheduler import Job
from localcloud.core.state import StateUnwritable
from localcloud.fc.model import Function, Result
from localcloud.fc.operations import too_large
from localcloud.fc.runner import Runner
from localcloud.fc.store import Functions

INVOKE = "fc.invoke"
FIRST_PAUSE_MS, PAUSE_CAP_MS = 1_000, 300_000
MAX_ASYNC_BODY = 128 * 1024
PATIENCE_S = 0.5
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fc_invocations (id TEXT PRIMARY KEY, function TEXT NOT NULL, payload BLOB NOT NULL,
  attempt INTEGER NOT NULL, first_ms INTEGER NOT NULL, source TEXT NOT NULL) WITHOUT ROWID;
"""
_ACTIONS = {"acs:fc:": "fc:InvokeFunction", "acs:eventbridge:": "eventbridge:PutEvents", "acs:mns:": "mns:SendMessage"}
_DESTINATION = re.compile(r"acs:(fc|eventbridge):[^:]*:[^:]*:(?:services/[\w.-]+/)?(functions|eventbus)/([\w.-]+)")


@dataclass(frozen=True)
class Queued:
    """One row of the table. ``attempt`` counts the failed runs so far. ``first_ms`` is when the invocation was accepted."""

    id: str
    function: str
    payload: bytes
    attempt: int
    first_ms: int
    source: str


class Queue:
    """The asynchronous invocations that wait or run."""

    def __init__(self, cloud: Cloud, functions: Functions, runner: Runner) -> None:
        self._cloud, self._functions, self._runner = cloud, functions, runner
        self._sql = cloud.db.sql
        self._sql.executescript(_SCHEMA)
        self._dead = cloud.db.collection("fc.dead_letter")
        cloud.scheduler.on(INVOKE, lambda payload: None)
        cloud.outside[INVOKE] = self._take
        self._resume()

    def add(self, name: str, payload: bytes, source: str) -> str:
        """Accept an invocation in the caller's transaction. Returns its request id. Raises FunctionNotFound or a size error."""
        self._functions.need(name)
        if len(payload) > MAX_ASYNC_BODY:
            raise too_large(MAX_ASYNC_BODY)
        request_id, now = self._cloud.request_id(), self._cloud.clock.now_ms()
        self._sql.execute("INSERT INTO fc_invocations VALUES (?,?,?,?,?,?)", (request_id, name, payload, 0, now, source))
        self._schedule(request_id, now)
        return request_id

    def waiting(self) -> list[dict[str, Any]]:
        """The invocations that have neither succeeded nor been given up."""
        rows = self._sql.execute("SELECT id, function, attempt, first_ms, source FROM fc_invocations ORDER BY first_ms, id")
        names = ("request_id", "function", "attempt", "first_ms", "source")
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]

    def dead_letters(self) -> list[dict[str, Any]]:
        """The reports of failed invocations that went to no emulated destination, oldest first."""
        return [doc for _, doc in self._dead.items()]

    def _resume(self) -> None:
        """Queue the invocations again that were running when the cloud ended."""
        waiting = self._cloud.scheduler.keys(INVOKE)
        with self._cloud.db.transaction():
            for row in self.waiting():
                if row["request_id"] not in waiting:
                    self._schedule(row["request_id"], self._cloud.clock.now_ms())

    def _schedule(self, request_id: str, when_ms: int) -> None:
        self._cloud.scheduler.at(when_ms, INVOKE, {"id": request_id}, key=request_id)

    def _take(self, job: Job) -> None:
        """Run one invocation. The caller must not have an open transaction."""
        with self._cloud.lock:
            row = self._sql.execute("SELECT * FROM fc_invocations WHERE id=?", (job.payload["id"],)).fetchone()
            queued = Queued(*row) if row else None
            function = self._functions.get(queued.function) if queued else None
        if queued is None:
            return
        if function is None:
            self._forget(queued)
            return
        source = f"{queued.source}:retry" if queued.attempt else queued.source
        self._runner.start(
            function,
            queued.payload,
            source,
            lambda result: self._finished(function, queued, result),
            request_id=queued.id,
            attempt=queued.attempt,
        )

    def _forget(self, queued: Queued) -> None:
        with self._cloud.lock, self._cloud.db.transaction():
            self._delete(queued)

    def _finished(self, function: Function, queued: Queued, result: Result) -> None:
        """Record the end of an invocation. If that fails, the invocation counts as running, and virtual time stands still until the
        end is recorded.
        """
        while True:
            try:
                self._record(function, queued, result)
                return
            except StateUnwritable:
                with self._cloud.changed:
                    self._cloud.changed.notify_all()
                time.sleep(PATIENCE_S)

    def _record(self, function: Function, queued: Queued, result: Result) -> None:
        policy = function.async_policy
        with self._cloud.lock, self._cloud.db.transaction():
            now = self._cloud.clock.now_ms()
            due = now + min(FIRST_PAUSE_MS << min(queued.attempt, 20), PAUSE_CAP_MS)
            too_old = due - queued.first_ms > policy.max_age_s * 1000
            if not result.error:
                self._delete(queued)
                self._report(policy.on_success, function, queued, result, "Success")
            elif queued.attempt >= policy.max_retries or too_old:
                self._delete(queued)
                condition = "EventAgeExceeded" if too_old else result.error
                self._report(policy.on_failure, function, queued, result, condition, required=True)
            else:
                self._sql.execute("UPDATE fc_invocations SET attempt=attempt+1 WHERE id=?", (queued.id,))
                self._schedule(queued.id, due)

    def _delete(self, queued: Queued) -> None:
        self._sql.execute("DELETE FROM fc_invocations WHERE id=?", (queued.id,))

    def _report(
        self, arn: str, function: Function, queued: Queued, result: Result, condition: str, *, required: bool = False
    ) -> None:
        """Report to a destination. A ``required`` report that reaches no destination becomes a dead letter."""
        report = self._report_of(function, queued, result, condition)
        try:
            if arn:
                self._allow(arn, function)
                if self._send(arn, report, queued):
                    return
        except ApiError as error:
            report["destinationError"] = str(error)
        if required or arn:
            self._dead.put(f"{self._cloud.db.counter('fc.dead_letter'):012d}", {"destination": arn, **report})

    def _report_of(self, function: Function, queued: Queued, result: Result, condition: str) -> dict[str, Any]:
        arn = f"acs:fc:{self._cloud.region}:{self._cloud.account_id}:functions/{function.name}"
        request = {"requestId": queued.id, "functionArn": arn, "condition": condition, "approximateInvokeCount": queued.attempt + 1}
        return {
            "timestamp": self._cloud.clock.now_ms(),
            "requestContext": request,
            "requestPayload": queued.payload.decode("utf-8", "replace"),
            "responseContext": {"statusCode": 200, "functionError": result.error},
            "responsePayload": result.body.decode("utf-8", "replace"),
        }

    def _allow(self, arn: str, function: Function) -> None:
        """Check that the function's own role may write to the destination."""
        action = next((action for prefix, action in _ACTIONS.items() if arn.startswith(prefix)), "")
        if function.role and not self._cloud.policies.allows(f"role:{function.role}", action, arn):
            raise ApiError("AccessDenied", f"the role {function.role} may not do {action} on {arn}", 403)

    def _send(self, arn: str, report: dict[str, Any], queued: Queued) -> bool:
        """Send to a destination. Returns False if the destination is not emulated, as an MNS queue is not (its messages are the
        dead letters).
        """
        found = _DESTINATION.fullmatch(arn)
        if found is None:
            return False
        if found[2] == "functions":
            self.add(found[3], json.dumps(report, ensure_ascii=False).encode(), "destination")
            return True
        event = {"id": queued.id, "source": "acs.fc", "type": "fc:Function:AsyncInvocation", "data": report}
        time = iso(self._cloud.clock.now_ms(), millis=True)
        offered(self._cloud.hooks.put_event)({**event, "specversion": "1.0", "time": time, "aliyuneventbusname": found[3]})
        return True
