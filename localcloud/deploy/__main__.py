"""``python -m localcloud.deploy template.yml s.yaml``: check the deployment files without starting anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sized
from pathlib import Path

from localcloud.deploy.document import DeployError
from localcloud.deploy.plan import make


def main(arguments: list[str] | None = None) -> int:
    """0 where both files are sound, 1 with one line per problem otherwise."""
    parser = argparse.ArgumentParser("python -m localcloud.deploy", description=__doc__)
    parser.add_argument("template", type=Path, help="template.yml (ROS)")
    parser.add_argument("services", type=Path, help="s.yaml (Serverless Devs, fc3)")
    parser.add_argument("--code", choices=("source", "zip"), default="source", help="which code must exist (default: source)")
    options = parser.parse_args(arguments)
    try:
        plan = make(options.template, options.services, code_mode=options.code)
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    counts: dict[str, Sized] = {
        "functions": plan.functions,
        "rules": plan.rules,
        "tables": plan.template.tables,
        "roles": plan.template.roles,
    }
    print("sound: " + ", ".join(f"{len(items)} {name}" for name, items in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
