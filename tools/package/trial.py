"""Runs every handler once from its unpacked package, with the target's interpreter, against the local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.domain import events
from tools.package.wheelhouse import ROOT

PROBE = Path(__file__).with_name("probe.py")
PATIENCE_S = 60
_ABOUT = {
    "precheck": events.MIGRATION_REQUESTED,
    "snapshot": events.PRECHECK_PASSED,
    "migrate": events.SNAPSHOT_READY,
    "validate": events.INSTANCE_RESTARTED,
    "rollback": events.ROLLBACK_REQUESTED,
}
_TIMERS = {"intake": "inventory", "watch": "tick", "sweep": "sweep"}


class TrialFailed(RuntimeError):
    """A handler could not be imported, or did not answer."""


def event_of(function: str) -> dict[str, Any]:
    """The test event of a function: its timer's, a request, or an event about a migration that does not exist."""
    if function in _TIMERS:
        return {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": function, "payload": _TIMERS[function]}
    if function == "api":
        http = {"method": "GET", "path": "/batches"}
        return {"version": "v1", "rawPath": "/batches", "headers": {}, "queryParameters": {}, "requestContext": {"http": http}}
    if function == "console":
        http = {"method": "GET", "path": "/console/sign-in"}
        return {"version": "v1", "rawPath": "/console/sign-in", "headers": {}, "requestContext": {"http": http}}
    data = {"migrationId": "m-none", "batchId": "b-none", "instanceId": "i-none", "version": 1, "stage": function}
    return {"id": "trial", "source": "replank", "specversion": "1.0", "type": _ABOUT[function], "data": data}


def run(python: Path, packages: Mapping[str, Path]) -> Iterator[str]:
    """Try each package. Returns one line per package. Raises TrialFailed with the error."""
    with local_cloud() as environment, tempfile.TemporaryDirectory(prefix="replank-trial-") as folder:
        for function, package in packages.items():
            place = Path(folder) / function
            with zipfile.ZipFile(package) as archive:
                archive.extractall(place)
            report = probe(python, place, {"event": event_of(function), "environment": environment})
            total = report["import_ms"] + report["initialize_ms"]
            yield f"{function}: import and initializer {total:.0f} ms, answered {str(report['answer'])[:60]}"


def probe(python: Path, folder: Path, task: Mapping[str, Any]) -> dict[str, Any]:
    """Run one handler. Returns its report."""
    command = [str(python), "-I", "-S", "-B", str(PROBE), str(folder)]
    done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise TrialFailed(f"{folder.name}: {done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if report["foreign"]:
        raise TrialFailed(f"{folder.name} took from outside its package: {', '.join(report['foreign'][:5])}")
    return report


@contextmanager
def local_cloud(*options: str) -> Iterator[dict[str, str]]:
    """A local cloud with the account deployed and further options. Yields the environment of a function."""
    command = [
        sys.executable,
        "-m",
        "localcloud",
        "--template",
        str(ROOT / "template.yml"),
        "--services",
        str(ROOT / "s.yaml"),
        "--hold",
        *options,
    ]
    quiet = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with subprocess.Popen(command, cwd=ROOT, env=quiet, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                raise TrialFailed("The local cloud did not start; see above.")
            yield environment_of(json.loads(line))
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def environment_of(account: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a function, from the local cloud's ready line."""
    endpoints = {f"REPLANK_{name.upper()}_ENDPOINT": account[name] for name in ("tablestore", "eventbridge", "ecs", "smc")}
    return {
        **endpoints,
        "REPLANK_REGION": account["region"],
        "REPLANK_TABLESTORE_INSTANCE": account["instance_name"],
        "FC_ACCOUNT_ID": account["account_id"],
        "REPLANK_API_URL": account["http"]["replank-api"],
        "REPLANK_CONSOLE_KEY": "only for this trial: not a secret of anything",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": account["access_key_id"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": account["access_key_secret"],
    }
