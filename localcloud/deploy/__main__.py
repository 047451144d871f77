"""Check the deployment files without starting a cloud: ``python -m localcloud.deploy template.yml s.yaml``.

With ``--account``, apply a template with roles and rules, such as a member's role, in an account of a running cloud: ``python -m
localcloud.deploy member.yml --account 2222222222222222 --state run/cloud --parameter Name=value``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sized
from pathlib import Path

from localcloud.client import AdminError, LocalCloud
from localcloud.core.claim import NAME
from localcloud.deploy.document import DeployError
from localcloud.deploy.plan import make


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 if the files are valid or the template was applied. Otherwise returns 1 and prints one line per problem."""
    made = parser()
    options = made.parse_args(arguments)
    if (options.account is None) == (options.services is None):
        made.error("give s.yaml, or --account with --state")
    if options.account is None and (options.state or options.parameter):
        made.error("--state and --parameter belong to --account")
    if options.account is not None and options.state is None:
        made.error("--account needs --state, the folder of the running cloud")
    if any("=" not in each for each in options.parameter):
        made.error("--parameter takes NAME=VALUE")
    try:
        print(_check(options) if options.account is None else _create(options))
    except (DeployError, AdminError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python -m localcloud.deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("template", type=Path, help="template.yml (ROS)")
    add("services", type=Path, nargs="?", help="s.yaml (Serverless Devs, fc3)")
    add("--code", choices=("source", "zip"), default="source", help="which code must exist (default: source)")
    add("--account", metavar="ID", help="apply the template in this account of a running cloud")
    add("--state", type=Path, metavar="DIR", help="state folder of the running cloud")
    add(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template, instead of its default"
    )
    return made


def _check(options: argparse.Namespace) -> str:
    plan = make(options.template, options.services, code_mode=options.code)
    counts: dict[str, Sized] = {
        "functions": plan.functions,
        "rules": plan.rules,
        "tables": plan.template.tables,
        "roles": plan.template.roles,
    }
    return "sound: " + ", ".join(f"{len(items)} {name}" for name, items in counts.items())


def _create(options: argparse.Namespace) -> str:
    """Send the template to the running cloud. Returns what the cloud created."""
    try:
        ready = json.loads((options.state / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"No cloud runs in {options.state}. Start it first, or name its folder with --state.") from None
    parameters = dict(each.split("=", 1) for each in options.parameter)
    text = options.template.read_text(encoding="utf-8")
    made = LocalCloud(ready["admin"], ready["admin_token"]).create_stack(text, options.account, **parameters)
    return json.dumps(made, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
