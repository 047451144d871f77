"""The cloud: its services behind one chain of steps, its accounts, its clock and its jobs.

``Cloud.handle`` is the whole request path and needs no socket. ``Cloud.step`` is one turn of time. The server calls both from
several threads, a simulation calls both from one thread; otherwise the two behave the same.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from localcloud.core.access_keys import OWNER, Identities, Key
from localcloud.core.accounts import Accounts
from localcloud.core.calls import CallRecord, Calls
from localcloud.core.clock import Clock, RealClock, VirtualClock, skewed, to_ms
from localcloud.core.db import Db
from localcloud.core.errors import ApiError, Dropped
from localcloud.core.faults import Faults
from localcloud.core.hooks import Hooks
from localcloud.core.http import Later, Request, Response
from localcloud.core.policy import Policies
from localcloud.core.scheduler import Job, Scheduler
from localcloud.core.service import Call, Service
from localcloud.core.state import StateUnwritable

REGION = "cn-hangzhou"
ACCOUNT_ID = "1234567890123456"
INSTANCE_NAME = "replank"
FOR_ALL_ACCOUNTS = ("ecs", "smc", "sts", "location", "eventbridge")
"""The services that every account has. The other services exist only in the account that everything is deployed into."""


@dataclass
class _Seen:
    """What the chain has found out about a call so far, for the call log."""

    operation: str = "?"
    principal: str = "?"
    account: str = ""
    summary: str = ""
    status: int = 500
    code: str = ""


class Cloud:
    """A cloud with one account or several. All data is in ``db``. Everything that is due later is in ``scheduler``."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        seed: int = 0,
        real_time: bool = False,
        private: bool = False,
        start: datetime | None = None,
    ) -> None:
        """With ``private`` the secrets are random and stored in the state. Otherwise they are derived from the seed, so anyone with
        the seed has them.

        ``start`` is the moment when virtual time begins; a stored state keeps its own time.
        """
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.db = Db(folder)
        self.seed = int(self.db.meta("seed", str(seed)))
        self.region = REGION
        self.accounts = Accounts(self.db, ACCOUNT_ID)
        self.clock: Clock = (
            RealClock() if real_time else VirtualClock(int(self.db.meta("now_ms", "0")) or (to_ms(start) if start else None))
        )
        self.scheduler = Scheduler(self.db, self.accounts)
        self.identities = Identities(self.db, lambda: self.clock.now_ms())
        self.policies = Policies(self.db, self.accounts)
        self.calls = Calls()
        self.faults = Faults(self.seed, self.accounts)
        self.services: list[Service] = []
        self.hooks = Hooks()
        """The services find each other here."""
        self.in_flight = 0
        """The number of calls and invocations in progress. Virtual time stands still while this number is above 0."""
        self.last_outside_ms = self.clock.now_ms()
        """When a caller other than this account's functions last called. An idle cloud stops its clock a while after that."""
        self.outside_calls = 0
        """The number of calls from outside since the start."""
        self.outside: dict[str, Callable[[Job], None]] = {}
        """Kinds of jobs that are carried out outside the transaction that dequeues them, because they run a function."""
        self._requests = itertools.count(1)
        """Counts the requests since the start. Request ids come from it; a request id is never looked up."""
        with self.db.transaction():
            self.db.set_meta("seed", str(self.seed))
            self._starts = self.db.counter("starts")
            self._root = self._root_secret(private)
            self.owner = self.identities.add(Key(f"LTAI5t{self.seed:014d}", self.secret("owner")[:30], "", OWNER))

    def _root_secret(self, private: bool) -> bytes:
        """The secret that all others are derived from. A state written by an older version has keys derived from the seed; those
        keys become invalid.
        """
        if not private:
            return f"seed:{self.seed}".encode()
        root = self.db.meta("root_secret", "")
        if not root:
            root = secrets.token_hex(32)
            self.db.set_meta("root_secret", root)
            self.identities.forget_all()
        return root.encode()

    @property
    def account_id(self) -> str:
        """The id of the current account. Without a call or job in progress that is the account that everything is deployed into."""
        return self.accounts.current

    def secret(self, *words: object) -> str:
        """A secret of 64 hexadecimal digits for a purpose; ``words`` name the purpose. Within one state it is always the same."""
        return hashlib.blake2b(":".join(map(str, words)).encode(), key=self._root[:64], digest_size=32).hexdigest()

    def random(self, *words: object) -> random.Random:
        """A random generator that depends on the seed and the words only. So the order of calls makes no difference."""
        return random.Random(":".join(map(str, (self.seed, *words))))

    def new_id(self, prefix: str) -> str:
        """A new id, shaped like a real one (``i-bp1...``). Runs with one seed make the same ids."""
        number = self.db.counter(f"id:{prefix}")
        return f"{prefix}{self._digits('id', prefix, number)[:18]}"

    def request_id(self) -> str:
        """An id for one request, shaped like a real one."""
        digits = self._digits("request", self._starts, next(self._requests)).upper()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _digits(self, *words: object) -> str:
        """32 hexadecimal digits derived from the seed and the words. A random generator would take ten times as long to set up."""
        return hashlib.blake2b(":".join(map(str, (self.seed, *words))).encode(), digest_size=16).hexdigest()

    # The request path ---------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises Dropped if a fault closes the connection instead."""
        service = next((each for each in self.services if each.claims(request)), None)
        if service is None:
            return Response(404, {"content-type": "text/plain"}, b"No service of this cloud is meant by this request.\n")
        self.enter()
        try:
            answer = self._answer(service, request)
            return answer.wait() if isinstance(answer, Later) else answer
        except StateUnwritable as error:
            with self.lock:
                return service.refuse(request, ApiError("InternalError", str(error), 500), self.request_id())
        finally:
            self.leave()

    def _answer(self, service: Service, request: Request) -> Response | Later:
        started = time.perf_counter_ns()
        seen = _Seen()
        with self.lock:
            try:
                answer = self._perform(service, request, seen)
                seen.status = answer.status if isinstance(answer, Response) else 200
            except ApiError as error:
                answer = service.refuse(request, error, self.request_id())
                seen.status, seen.code = answer.status, error.code
            except UnicodeEncodeError:  # half a surrogate pair: JSON can express it, but UTF-8 cannot encode it
                refusal = ApiError("InvalidParameter", "The request holds text that is no Unicode.", 400)
                answer = service.refuse(request, refusal, self.request_id())
                seen.status, seen.code = answer.status, refusal.code
            except Dropped as dropped:
                seen.status, seen.code = 0, str(dropped)
                raise
            finally:
                took_us = (time.perf_counter_ns() - started) // 1000
                agent = request.headers.get("user-agent", "")
                self.calls.add(
                    CallRecord(service.name, user_agent=agent, now_ms=self.clock.now_ms(), took_us=took_us, **vars(seen))
                )
        return answer

    def _perform(self, service: Service, request: Request, seen: _Seen) -> Response | Later:
        with self.db.transaction():
            caller = self._authenticated(service, request)
            seen.principal, seen.account = caller.principal, caller.account or self.accounts.own
            if caller.outside:
                self.note_outside()
            if caller.account and service.name not in FOR_ALL_ACCOUNTS:
                raise ApiError("NoPermission", f"Only the account {self.accounts.own} has anything in {service.name} here.", 403)
            with self.accounts.acting(caller.account):
                call = service.parse(request)
                seen.operation, seen.summary = call.operation, call.summary
                answer = self._carry_out(service, call, caller)
        named = (service.name, call.operation, caller.principal, call.summary)
        with self.accounts.acting(caller.account):
            self.faults.strike("after", *named)
            hold_s = self.faults.hold_s(*named)
        return answer.held(hold_s) if hold_s else answer

    def _carry_out(self, service: Service, call: Call, caller: Key) -> Response | Later:
        """Carry out a parsed call, if RAM allows it."""
        if check := self.hooks.check_call:
            check(service.name, call)
        self._authorise(call, caller)
        self.faults.strike("before", service.name, call.operation, caller.principal, call.summary)
        return service.perform(call, caller)

    def note_outside(self) -> None:
        """Note a call from outside, by a caller other than this account's functions. The caller holds the lock."""
        self.last_outside_ms = self.clock.now_ms()
        self.outside_calls += 1

    def _authenticated(self, service: Service, request: Request) -> Key:
        skew_s = self.faults.skew_s(service.name)
        if not skew_s:
            return service.authenticate(request)
        with skewed(skew_s):
            return service.authenticate(request)

    def _authorise(self, call: Call, caller: Key) -> None:
        if not call.action:
            return
        for resource in call.resources:
            carried = self._tags_in_conditions(call, resource)
            if not self.policies.allows(caller.principal, call.action, resource, session_policy=caller.policy, carried=carried):
                raise ApiError("NoPermission", f"{caller.principal} may not do {call.action} on {resource}.", 403)

    def _tags_in_conditions(self, call: Call, resource: str) -> dict[str, str]:
        """The tags of a request and of one of its resources, as the condition keys that a policy may name."""
        asked = call.params.get("Tag") if isinstance(call.params, dict) else None
        found = {f"acs:RequestTag/{tag.get('Key', '')}": str(tag.get("Value", "")) for tag in asked or () if isinstance(tag, dict)}
        if self.hooks.resource_tags is not None:
            found |= {f"acs:ResourceTag/{key}": value for key, value in self.hooks.resource_tags(resource).items()}
        return found

    # Time ---------------------------------------------------------------------------------------------------------

    def step(self, until_ms: int | None = None) -> bool:
        """Do the jobs that are due now. With none due and no call in progress, move virtual time to the next job, at most to
        ``until_ms``.

        True if a job was done or time moved. False if there is nothing to do yet.
        """
        with self.lock:
            now = self.clock.now_ms()
            jobs = self.scheduler.due(now, limit=1)
            if not jobs:
                return self._move_on(until_ms)
            job = jobs[0]
            with self.db.transaction():
                if self._sticks(job) or not self.scheduler.take(job):
                    return True
                if job.kind not in self.outside:
                    with self.accounts.acting(job.account):
                        self.scheduler.perform(job)
                    return True
        self.enter()
        try:
            with self.accounts.acting(job.account):
                self.outside[job.kind](job)
        finally:
            self.leave()
        return True

    def _sticks(self, job: Job) -> bool:
        """Whether a fault delays the job."""
        if not self.faults.rules:
            return False
        with self.accounts.acting(job.account):
            delay_ms = self.faults.stuck_ms(job.kind, json.dumps(job.payload))
        if delay_ms:
            self.scheduler.put_off(job, self.clock.now_ms() + delay_ms)
        return bool(delay_ms)

    def idle(self, until_ms: int | None = None) -> bool:
        """Whether ``step(until_ms)`` would find nothing to do. The caller holds the lock."""
        now, due = self.clock.now_ms(), self.scheduler.next_due_ms()
        if due is not None and due <= now:
            return False
        if not self.clock.virtual or self.in_flight:
            return True
        return until_ms <= now if until_ms is not None else due is None

    def enter(self) -> None:
        """Note that a call or an invocation has begun; virtual time stands still until ``leave``."""
        with self.lock:
            self.in_flight += 1

    def leave(self) -> None:
        with self.lock:
            self.in_flight -= 1
            self.changed.notify_all()

    def _move_on(self, until_ms: int | None) -> bool:
        if not isinstance(self.clock, VirtualClock) or self.in_flight:
            return False
        due = self.scheduler.next_due_ms()
        if due is None or (until_ms is not None and due > until_ms):
            if until_ms is None or until_ms <= self.clock.now_ms():
                return False
            due = until_ms
        with self.db.transaction():
            self.db.set_meta("now_ms", str(due))
        self.clock.advance_to(due)
        return True

    def close(self) -> None:
        with self.lock:
            self.db.close()
