"""``python -m localcloud``: an Alibaba Cloud account on 127.0.0.1."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import sys
import tempfile
import threading
from datetime import date, datetime
from pathlib import Path

from localcloud import account
from localcloud.admin.api import MAX_SPEED
from localcloud.core.claim import claim_folder, release_folder
from localcloud.core.clock import START
from localcloud.core.state import StateUnreadable, StateUnwritable, keep_token, say, unusable
from localcloud.deploy.document import DeployError
from localcloud.fc.process import WorkerInvoker
from localcloud.fc.reload import ReloadingInvoker

_EPILOG = """\
Once ready, one JSON line is printed: {tablestore, eventbridge, fc, ecs, smc: endpoint URLs; region, account_id,
instance_name, access_key_id, access_key_secret; admin and admin_token: the cloud's own endpoint; guests_run_as; http: URLs of
HTTP triggers}. Keys and token are random and kept in the state folder. Scripts that run in simulated guests run on this machine, as
the user who started the cloud.

examples:
  python -m localcloud
  python -m localcloud --port 8800 --state run/cloud --template template.yml --services s.yaml
  curl -s -H "Authorization: Bearer $(cat run/cloud/admin.token)" http://127.0.0.1:8800/_localcloud/clock
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python -m localcloud",
        description="Tablestore, EventBridge, Function Compute, ECS and SMC on 127.0.0.1, for the real SDKs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--port", type=int, default=0, metavar="P", help="port on 127.0.0.1 (default: any free one)")
    add("--state", type=Path, metavar="DIR", help="folder that keeps the account over restarts (default: memory only)")
    add("--seed", type=int, default=0, metavar="N", help="what ids and chance are made from; a state keeps its first seed")
    add(
        "--clock",
        choices=("virtual", "real"),
        default="virtual",
        help="virtual: time jumps to the next event when nothing is in flight",
    )
    add(
        "--start",
        type=_day,
        metavar="YYYY-MM-DD",
        help=f"day on which virtual time begins (default: {START.date().isoformat()}); a state keeps its own",
    )
    add("--hold", action="store_true", help="virtual time moves only by POST /_localcloud/clock")
    add("--speed", type=float, metavar="N", help="virtual time runs N times as fast as real time, and rests if nobody needs it")
    add("--end-with-input", action="store_true", help="end as soon as standard input is closed: whoever holds it has ended")
    add("--template", type=Path, metavar="FILE", help="template.yml (ROS) to deploy; needs --services")
    add("--also", type=Path, metavar="FILE", action="append", default=[], help="a further ROS template, such as gateway.yml")
    add("--services", type=Path, metavar="FILE", help="s.yaml (Serverless Devs, fc3) to deploy; needs --template")
    add("--code", choices=("source", "zip"), default="source", help="run functions/NAME of the checkout, or the built zips")
    add(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable for ${env(...)} in s.yaml; {url} is this cloud's URL",
    )
    add(
        "--route",
        action="append",
        default=[],
        metavar="PATH=FUNCTION",
        help="a route of the custom domain, such as /console=replank-console: pages there are shown, not saved",
    )
    add("--instances", type=int, default=2, metavar="N", help="worker processes per function at most (default: 2)")
    add("--memory-limit", action="store_true", help="hold each worker to its function's memorySize (address space)")
    add("--reload", action="store_true", help="give a function whose source changed fresh workers")
    strict = made.add_mutually_exclusive_group()
    strict.add_argument("--strict", dest="strict", action="store_true", default=True, help="refuse unknown parameters (default)")
    strict.add_argument("--lenient", dest="strict", action="store_false", help="ignore unknown parameters of ECS and SMC")
    return made


def _day(text: str) -> datetime:
    """The given day, at the hour of START."""
    return datetime.combine(date.fromisoformat(text), START.timetz())


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns 2 if the account could not be started."""
    made = parser()
    options = made.parse_args(arguments)
    if (options.template is None) != (options.services is None):
        made.error("--template and --services belong together")
    if any("=" not in each for each in options.env):
        made.error("--env takes NAME=VALUE")
    if any(not each.startswith("/") or "=" not in each for each in options.route):
        made.error("--route takes PATH=FUNCTION")
    if options.speed is not None and (options.clock == "real" or not 0 < options.speed <= MAX_SPEED):
        made.error(f"--speed takes a number above 0 and at most {MAX_SPEED}, and is for virtual time")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    try:
        running = _start(options)
        _claim(options.state, running)
    except (StateUnreadable, StateUnwritable, DeployError) as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"localcloud: port {options.port} of 127.0.0.1 cannot be used: {error}", file=sys.stderr)
        return 2
    _serve(running, end_with_input=options.end_with_input)
    if options.state:
        release_folder(options.state)
    return 0


def _start(options: argparse.Namespace) -> account.Running:
    env = dict(each.split("=", 1) for each in options.env)
    routes = dict(each.split("=", 1) for each in options.route)
    wanted = account.Files(options.template, options.services, options.code, env, tuple(options.also), routes)
    files = wanted if options.template else None
    real_time = options.clock == "real"
    logs = options.state / "logs" if options.state else None
    try:
        workers = WorkerInvoker(logs, instances=options.instances, memory_limit=options.memory_limit)
        invoker = ReloadingInvoker(workers) if options.reload else workers
        cloud = account.build(
            options.state, options.seed, real_time, invoker=invoker, strict=options.strict, private=True, start=options.start
        )
        if options.state:
            keep_token(options.state, cloud.secret("admin"))
    except (OSError, sqlite3.Error) as error:
        raise unusable(options.state or Path(tempfile.gettempdir()), error) from error
    return account.Running(cloud, port=options.port, hold=options.hold, speed=options.speed, files=files)


def _claim(folder: Path | None, running: account.Running) -> None:
    """Write the claim file, so that other processes can find this one in its state folder."""
    try:
        if folder:
            claim_folder(folder, running.describe())
    except OSError as error:
        running.close()
        raise unusable(folder or Path(), error) from error


def _serve(running: account.Running, *, end_with_input: bool) -> None:
    # Python writes the byte as soon as the signal arrives, in any thread. A Python handler would not do: it may be put off until
    # the main thread runs again, and the main thread is waiting in the read.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    if end_with_input:
        threading.Thread(target=_tell_of_the_end, args=(tell,), daemon=True).start()
    ready = running.describe()
    print(json.dumps(ready), flush=True)
    say(f"scripts in simulated guests run on this machine, as {ready['guests_run_as']}.")
    os.read(told, 1)
    running.close()


def _tell_of_the_end(tell: int) -> None:
    """Write a byte to the pipe when standard input is closed. A killed parent sends no message, but the system closes its end of
    the pipe.
    """
    while os.read(0, 4096):
        pass
    os.write(tell, b"e")


if __name__ == "__main__":
    sys.exit(main())
