"""Runs a local cloud as a child process, and sends requests to the cloud's admin interface. Only the owner of the cloud may send
admin requests.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cli.client import ApiClient, HttpClient
from cli.problem import Problem, bad_input_problem
from cli.run.launch import NO_SETTINGS, LaunchOptions, launch_cloud, read_ready_line
from cli.sdk_account import OperatorAccount

Json = dict[str, Any]
STOP_S = 15


@dataclass
class RunningCloud:
    """A running local cloud. ``ready`` holds the cloud's endpoints and keys. ``process`` is None if another process started the
    cloud.
    """

    process: subprocess.Popen[str] | None
    ready: Json
    http: HttpClient

    @classmethod
    def start(
        cls,
        state: Path,
        seed: int,
        regions: list[str],
        sources: Iterable[str] = (),
        on: date | None = None,
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> RunningCloud:
        """Start a cloud and deploy template.yml and s.yaml into it. Raises Problem (LocalCloud.NotStarted or State.*).

        The functions accept notices from ``sources``. The argument ``on`` is the day on which the virtual clock begins.
        ``settings`` override the functions' default settings.
        """
        process = launch_cloud(LaunchOptions(state, regions, sources, on, ("--hold", "--seed", str(seed)), settings), tied=True)
        cloud = cls(process, {}, HttpClient())
        try:
            cloud.ready = read_ready_line(process, state)
        except BaseException:
            cloud.stop()
            raise
        return cloud

    @property
    def account(self) -> OperatorAccount:
        """The local cloud's account, with the endpoints and keys from which SDK clients are made."""
        ready = self.ready
        endpoints = {name.upper(): ready[name] for name in ("eventbridge", "tablestore", "ecs", "smc", "fc")}
        key = (ready["access_key_id"], ready["access_key_secret"], "")
        return OperatorAccount(ready["region"], "replank", ready["instance_name"], key, endpoints, ready["account_id"])

    def api_client(self, operator: str) -> ApiClient:
        """A client of the pipeline's HTTP API in this cloud."""
        ready = self.ready
        return ApiClient(ready["http"]["replank-api"], ready["access_key_id"], ready["access_key_secret"], operator=operator)

    def environment_variables(self) -> dict[str, str]:
        """The environment variables with which every other command uses this cloud."""
        ready, account = self.ready, self.account
        return {
            "REPLANK_API_URL": ready["http"]["replank-api"],
            "REPLANK_REGION": account.region,
            "REPLANK_BUS": account.bus,
            "REPLANK_TABLESTORE_INSTANCE": account.tablestore_instance,
            "REPLANK_ACCOUNT_ID": account.account_id,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ready["access_key_id"],
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ready["access_key_secret"],
            "ALIBABA_CLOUD_SECURITY_TOKEN": "",
            **{f"REPLANK_{name}_ENDPOINT": url for name, url in account.endpoints.items()},
        }

    def advance_clock(self, seconds: int) -> Json:
        """Advance virtual time and run everything that becomes due. Returns the state of the clock."""
        return self._call_admin_interface("POST", "clock", {"advance_s": seconds})

    def clock_state(self) -> Json:
        """The cloud's virtual clock: the current time, the speed, and whether the clock stands still."""
        return self._call_admin_interface("GET", "clock")

    def set_clock(self, **wanted: Any) -> Json:
        """Set ``speed`` (virtual seconds per real second), or stop virtual time with ``hold``. Returns the state of the clock."""
        return self._call_admin_interface("POST", "clock", wanted)

    def redeploy_functions(self, settings: dict[str, str]) -> None:
        """Deploy the functions again, with the given settings."""
        self._call_admin_interface("POST", "deploy", {"env": settings})

    def load_fleet(self, document: Json) -> None:
        """Load a fleet into the cloud. Raises Problem (Fleet.Invalid), which names the wrong record and field."""
        self._call_admin_interface("POST", "fleet", document)

    def resources_by_kind(self) -> Json:
        """Maps each kind of resource in the cloud to the resources of this kind, keyed by id."""
        return self._call_admin_interface("GET", "inventory")

    def guest_disks(self) -> Json:
        """Maps each instance id to the disks of the guest. Each disk is described with the digest of its content."""
        return self._call_admin_interface("GET", "guests")

    def start_job_in_console(self, instance_id: str, target: str) -> Json:
        """Start the operating system migration of an instance as a person would in the ECS console. Returns the job.

        If a job is already running on the instance, no second job starts, and the running job is returned. ``target`` is the local
        cloud's name for the destination.
        """
        return self._call_admin_interface("POST", "ecs-console", {"instance_id": instance_id, "target": target})

    def _call_admin_interface(self, method: str, name: str, body: Json | None = None) -> Json:
        content = b"" if body is None else json.dumps(body).encode()
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {self.ready['admin_token']}"}
            status, answer = self.http.send_json(method, f"{self.ready['admin']}/{name}", headers=headers, body=content)
        except Problem as problem:
            if self.process is None or self.process.poll() is None:
                raise
            remedy = (
                "Nothing is lost: the same command continues from the state folder. "
                "localcloud.log in that folder shows why the cloud ended."
            )
            raise Problem("LocalCloud.Ended", "The local cloud has ended.", remedy) from problem
        if status == 422 and name == "fleet":
            raise bad_input_problem("Fleet.Invalid", str(answer.get("error")), "Correct the file.")
        if status >= 400:
            raise Problem("LocalCloud.Refused", f"{method} {name}: {answer.get('error', status)}", "See localcloud.log.")
        found: Json = answer
        return found

    def stop(self) -> None:
        """Terminate the child process. Kill the process if it does not end within 15 seconds."""
        if self.process is None:
            return
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
