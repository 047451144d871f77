"""The local cloud as a child process, and what only its owner may ask of it."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from cli.account import Account
from cli.client import Api, Http
from cli.events import ROOT
from cli.problem import Problem, bad_input
from shared.domain.catalog import CATALOG, Catalog

Json = dict[str, Any]
START_S, STOP_S = 60, 15
_BARE = "/smc/go2aliyun_client import {token_id} {token_code}"


def _targets(catalog: Catalog) -> str:
    """What the local SMC calls each destination."""
    keys = sorted({path.destination for path in catalog.paths})
    return json.dumps({key: catalog.name(key).replace("Red Hat Enterprise Linux", "Red Hat") for key in keys})


SETTINGS = {
    "REPLANK_CLOCK": "env:LOCALCLOUD_NOW",
    "REPLANK_SMC_IMPORT_LINUX": _BARE,
    "REPLANK_SMC_IMPORT_WINDOWS": "C:\\smc\\go2aliyun_client.exe import {token_id} {token_code}",
    "REPLANK_SMC_TARGET_PARAMETER": "ReplicationParameters.TargetOsType",
    "REPLANK_SMC_TARGET_VALUES": _targets(CATALOG),
    "REPLANK_SNAPSHOT_PRICE": "0.0173",
    "REPLANK_CURRENCY": "USD",
    "REPLANK_API_RATE": "0",  # virtual time stands still between requests
    "REPLANK_NOTICE_POLICY": json.dumps({"maxMoving": 12, "failureBudget": 3, "retentionDays": 1}),
}
"""What an operator would set in the shell that deploys; the local SMC understands this command and this parameter."""
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def write_rows(rows: Any, catalog: Catalog, folder: Path) -> dict[str, str]:
    """Put catalog rows of the user's own where the functions read them; the settings for that. ``catalog`` is ours with them.

    A file, because all variables of a function together have 4 KB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.resolve() / "catalog.json"
    file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return {"REPLANK_CATALOG": str(file), "REPLANK_SMC_TARGET_VALUES": _targets(catalog)}


@dataclass
class LocalCloud:
    """A running local cloud; ``ready`` is its first line. Its clock moves only by :meth:`advance`."""

    process: subprocess.Popen[str]
    ready: Json
    http: Http

    @classmethod
    def start(
        cls,
        state: Path,
        seed: int,
        regions: list[str],
        sources: Iterable[str] = (),
        on: date | None = None,
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> LocalCloud:
        """Start it, deploy template.yml and s.yaml into it; raises Problem (LocalCloud.NotStarted, or State.* of its folder).

        ``sources`` are those whose notices the functions are to read; ``on`` is the day on which its clock begins;
        ``settings`` replace ours.
        """
        try:
            state.mkdir(parents=True, exist_ok=True)
            log = (state / "localcloud.log").open("a", encoding="utf-8")
        except OSError as error:
            remedy = "Name a folder that this user may write, on a disk with space."
            raise bad_input("State.Unusable", f"{state} cannot be used: {error}.", remedy) from error
        command = [sys.executable, "-m", "localcloud", "--hold", "--end-with-input", "--state", str(state), "--seed", str(seed)]
        command += ["--template", str(ROOT / "template.yml"), "--services", str(ROOT / "s.yaml")]
        command += ["--start", on.isoformat()] if on else []
        own = {"REPLANK_REGIONS": ",".join(regions), "REPLANK_NOTICE_SOURCES": ",".join(sources)}
        for name, value in {**SETTINGS, **own, **settings}.items():
            command += ["--env", f"{name}={value}"]
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        # A session of its own: Ctrl-C reaches this process only, which then ends the child in order.
        # Nothing is ever written into its input: it closes when this process ends, however that is, and the child ends then.
        pipes: Json = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, start_new_session=True, **pipes)
        log.close()
        cloud = cls(process, {}, Http())
        try:
            cloud.ready = _ready_line(process, state)
        except BaseException:
            cloud.stop()
            raise
        return cloud

    @property
    def account(self) -> Account:
        """The account it holds, for the SDKs."""
        ready = self.ready
        endpoints = {name.upper(): ready[name] for name in ("eventbridge", "tablestore", "ecs", "smc", "fc")}
        key = (ready["access_key_id"], ready["access_key_secret"], "")
        return Account(ready["region"], "replank", ready["instance_name"], key, endpoints, ready["account_id"])

    def api(self, operator: str) -> Api:
        """The pipeline's API in it."""
        ready = self.ready
        return Api(ready["http"]["replank-api"], ready["access_key_id"], ready["access_key_secret"], operator=operator)

    def environment(self) -> dict[str, str]:
        """What to export so that every other command speaks to it."""
        ready = self.ready
        return {
            "REPLANK_API_URL": ready["http"]["replank-api"],
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ready["access_key_id"],
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ready["access_key_secret"],
            **{f"REPLANK_{name}_ENDPOINT": url for name, url in self.account.endpoints.items()},
        }

    def advance(self, seconds: int) -> Json:
        """Let virtual time run on, everything due in it done; the clock afterwards."""
        return self._admin("POST", "clock", {"advance_s": seconds})

    def clock(self) -> Json:
        """``{now, now_ms, ...}``."""
        return self._admin("GET", "clock")

    def load_fleet(self, document: Json) -> None:
        """Give it the instances; raises Problem (Fleet.Invalid) naming record and field."""
        self._admin("POST", "fleet", document)

    def inventory(self) -> Json:
        """Everything that exists, by kind and id."""
        return self._admin("GET", "inventory")

    def guests(self) -> Json:
        """By instance id: its disks with the digests of their content."""
        return self._admin("GET", "guests")

    def _admin(self, method: str, name: str, body: Json | None = None) -> Json:
        content = b"" if body is None else json.dumps(body).encode()
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {self.ready['admin_token']}"}
            status, answer = self.http.send(method, f"{self.ready['admin']}/{name}", headers=headers, body=content)
        except Problem as problem:
            if self.process.poll() is None:
                raise
            remedy = "Nothing is lost: the same command goes on from its state folder. Why it ended is in localcloud.log there."
            raise Problem("LocalCloud.Ended", "The local cloud has ended.", remedy) from problem
        if status == 422 and name == "fleet":
            raise bad_input("Fleet.Invalid", str(answer.get("error")), "Correct the file.")
        if status >= 400:
            raise Problem("LocalCloud.Refused", f"{method} {name}: {answer.get('error', status)}", "See localcloud.log.")
        found: Json = answer
        return found

    def stop(self) -> None:
        """End the child in order, or by force where it does not end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def _ready_line(process: subprocess.Popen[str], state: Path) -> Json:
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_read_line, args=(process.stdout, lines), daemon=True).start()
    try:
        found: Json = json.loads(lines.get(timeout=START_S))
        return found
    except (queue.Empty, ValueError):
        raise _not_started((state / "localcloud.log").read_text(encoding="utf-8", errors="replace"), state) from None


def _not_started(log: str, state: Path) -> Problem:
    """Why: the local cloud's own last word (code, sentence and remedy, where it is about its state), else the end of its log."""
    _, told, last = log.rpartition("localcloud: ")
    if told and (found := _OF_STATE.fullmatch(last.strip())):
        return bad_input(*found.groups())
    why = log.strip()[-1500:] or "no answer"
    return Problem("LocalCloud.NotStarted", f"The local cloud did not start: {why}", f"See {state / 'localcloud.log'}.")


_OF_STATE = re.compile(r"(State\.\w+): (.+)\n(.+)")


def _read_line(stream: IO[str], lines: queue.Queue[str]) -> None:
    lines.put(stream.readline())
