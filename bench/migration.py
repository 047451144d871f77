"""The figures of one whole migration with one hop: invocations, events, calls with their purpose, capacity units, function
milliseconds.

The figures of an idle account over the same time are subtracted, because the tick runs every minute, even if nothing moves.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from bench.fleets import FleetRun, live
from bench.meter import OUTSIDE
from bench.report import table, write

DISKS = 1
"""The number of disks of the migrated instance. Snapshots, their ledger rows and their deletion are per disk."""
PURPOSES = {
    ("tablestore", "GetRow"): "a consumer reads the row before it acts, so that duplicates change nothing; batch and policy",
    ("tablestore", "UpdateRow"): "one step (state, journal, outbox in one write); the end of an outbox that no next step ends",
    ("tablestore", "PutRow"): "the migration, its batch, the instance's lock, the ledger's row before each snapshot",
    ("tablestore", "DeleteRow"): "the instance's lock when it ends",
    ("tablestore", "GetRange"): "the tick's look at what is due, the admission's lane, the sweep's ledger",
    ("tablestore", "BatchGetRow"): "rows that an index has named",
    (
        "tablestore",
        "BatchWriteRow",
    ): "new migrations, the same without their outbox, entries of deleted snapshots: many in one call",
    ("eventbridge", "putEvents"): "a step's event: the next stage, and whoever listens",
    ("ecs", "DescribeInstances"): "which instances; facts for the prechecks; whether it is still the same machine",
    ("ecs", "DescribeDisks"): "every disk, again just before its snapshot",
    ("ecs", "DescribeSnapshots"): "whether the snapshots are accomplished; SMC's own copies",
    ("ecs", "CreateSnapshot"): "one for each disk, so that the migration can be rolled back",
    ("ecs", "DeleteSnapshot"): "one for each snapshot, after confirmation and retention",
    ("ecs", "DescribeCloudAssistantStatus"): "whether the guest answers",
    ("ecs", "RunCommand"): "the probe before, SMC's client, the probe after",
    ("ecs", "DescribeInvocationResults"): "what the commands said",
    ("ecs", "DescribeAccountAttributes"): "whether the account's quotas leave room",
    ("ecs", "ModifyInstanceAttribute"): "the deletion protection, on before the snapshots and back at the end",
    ("ecs", "DescribeInstanceTypes"): "how many disks a Windows type takes, once per type",
    ("smc", "CreateAccessToken"): "an activation code for one import of SMC's client",
    ("smc", "ListAccessTokens"): "whether an earlier attempt, or another function at this moment, has made a code; which to delete",
    ("smc", "DeleteAccessToken"): "nothing of ours left behind",
    ("smc", "DescribeSourceServers"): "whether the guest was imported; whether its source is still there",
    ("smc", "CreateReplicationJob"): "the job, once for an attempt",
    ("smc", "StartReplicationJob"): "its start, which moves the instance",
    ("smc", "DescribeReplicationJobs"): "whether there is a job already; how far it is (one call for all that are under way)",
    ("smc", "DeleteReplicationJob"): "nothing of ours left behind",
    ("smc", "DeleteSourceServer"): "nothing of ours left behind",
}
Figures = dict[str, Any]


def figures(count: int = 1) -> Figures:
    """The figures per migration of ``count`` equal ones: the fleet's life minus an idle account over the same time."""
    busy = live(count, max_moving=max(count, 1))
    return per_migration(busy, live(0, max_moving=1, days=busy.virtual_days))


def per_migration(busy: FleetRun, idle: FleetRun) -> Figures:
    """What the busy account did more than the idle one, divided by the number of migrations."""
    share = 1 / busy.instances
    calls: Counter[tuple[str, str]] = Counter()
    for sign, meter in ((1, busy.meter), (-1, idle.meter)):
        for (function, service, operation), number in meter.calls.items():
            if function != OUTSIDE and service != "other":
                calls[service, operation] += sign * number
    rows = [{"service": each[0], "operation": each[1], "calls": number * share} for each, number in sorted(calls.items()) if number]
    invocations = busy.meter.invocations - idle.meter.invocations
    return {
        "virtual_days": busy.virtual_days,
        "invocations": {name: number * share for name, number in sorted(invocations.items())},
        "calls": rows,
        "events": calls["eventbridge", "putEvents"] * share,
        "capacity_units": {kind: (busy.meter.units[kind] - idle.meter.units[kind]) * share for kind in ("read", "write")},
        "function_ms": {n: (busy.meter.cpu_ms[n] - idle.meter.cpu_ms[n]) * share for n in sorted(invocations)},
        "idle_per_day": {
            "invocations": sum(idle.meter.invocations.values()) / idle.virtual_days,
            "tablestore": idle.meter.by_service()["tablestore"] / idle.virtual_days,
            "read_units": idle.meter.units["read"] / idle.virtual_days,
            "function_ms": sum(idle.meter.cpu_ms.values()) / idle.virtual_days,
        },
    }


def tables(found: Figures) -> str:
    """The tables in Markdown."""
    calls = [
        [each["service"], each["operation"], each["calls"], PURPOSES[each["service"], each["operation"]]] for each in found["calls"]
    ]
    functions = [[name, number, round(found["function_ms"][name], 1)] for name, number in found["invocations"].items()]
    totals = ["all", sum(found["invocations"].values()), round(sum(found["function_ms"].values()), 1)]
    units = found["capacity_units"]
    return "\n\n".join(
        [
            table(["function", "invocations", "CPU ms"], [*functions, totals]),
            table(["service", "operation", "calls", "what for"], calls),
            f"{found['events']:.0f} events, {units['read']:.0f} read and {units['write']:.0f} write capacity units.",
        ]
    )


def shown(found: Figures) -> str:
    """One instance with one disk: submitted, acknowledged, moved, confirmed, swept; less what the account does anyway."""
    idle = found["idle_per_day"]
    rest = f"An idle account, per day: {idle['invocations']:.0f} invocations, {idle['tablestore']:.0f} Tablestore calls."
    return f"{tables(found)}\n\n{rest}"


def main() -> int:
    """Measure and print."""
    found = figures()
    print(shown(found))
    write("migration", "python -m bench.migration", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
