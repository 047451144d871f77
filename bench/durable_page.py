"""The tables and sentences about durable steps and hand-overs, from the results of ``bench.durable_step``."""

from __future__ import annotations

from typing import Any

from bench.dbos_side import POSTGRESQL, SQLITE
from bench.report import table

OURS, ON_DISK = "our step", "our step, the cloud's state on a disk"
HANDED_OVER = "our step, whose receiver removes its outbox"
HANDED_OVER_ON_DISK = f"{HANDED_OVER}, the cloud's state on a disk"
RAW = "the four raw calls"
IN_MEMORY = "in memory"
SHARE = 5
"""Our hand-over is to take at most this part of DBOS's: a fifth."""

Times = dict[str, float]


def page(result: dict[str, Any]) -> str:
    """Both tables, each with its sentences."""
    found, dbos = dict(result["found"]), result["dbos"]
    calls = [found[name] for name in ("GetRow", "UpdateRow", "putEvents", "UpdateRow")]
    found[RAW] = {name: sum(each[name] for each in calls) for name in ("wall_ms", "cpu_ms")}
    found |= {f"DBOS step ({_place(name)})": each["step"] for name, each in dbos.items()}
    steps = table(
        ["what", "wall ms", "CPU ms of the caller"], [[name, each["wall_ms"], each["cpu_ms"]] for name, each in found.items()]
    )
    parts = [_versions(result["versions"], dbos), steps, _made_of(found), _aim_of_a_step(found, dbos)]
    parts += [_what_a_handover_is(result), _handovers(result["handed_over"], dbos), _aim_of_a_handover(result["handed_over"], dbos)]
    return "\n\n".join(each for each in parts if each)


def _place(database: str) -> str:
    return "SQLite, on a disk" if database == SQLITE else "PostgreSQL, over loopback"


def _versions(versions: dict[str, str], dbos: dict[str, Any]) -> str:
    """What was measured, and what could not be."""
    text = f"Ours: Python {versions['python']}."
    if not dbos:
        return f"{text} DBOS is not installed here, so nothing is compared."
    text += f" DBOS {versions['dbos']}: Python {versions['dbos_python']}."
    if POSTGRESQL in dbos:
        return f"{text} PostgreSQL {versions['postgresql']}."
    return f"{text} PostgreSQL is not installed here, so DBOS was measured on SQLite only (Debian: apt-get install postgresql)."


def _made_of(found: dict[str, Times]) -> str:
    """One sentence on the parts of our step's time."""
    ours, calls = found[OURS], found[RAW]
    return (
        f"Of the {ours['wall_ms']:.2f} ms of our step of four calls the SDKs compute {calls['cpu_ms']:.2f} (signing, encoding, "
        f"decoding), our own code {ours['cpu_ms'] - calls['cpu_ms']:.2f} (the state machine, the journal's and the event's text), "
        f"and {ours['wall_ms'] - ours['cpu_ms']:.2f} go by in the local cloud, which is Python as well."
    )


def _aim_of_a_step(found: dict[str, Times], dbos: dict[str, Any]) -> str:
    if POSTGRESQL not in dbos:
        return ""
    theirs = dbos[POSTGRESQL]["step"]["wall_ms"]
    on_disk = found[HANDED_OVER_ON_DISK]["wall_ms"]
    reached = "reached" if on_disk < theirs else "not reached"
    return (
        f"The aim is a step that takes less time than DBOS's on PostgreSQL. With the cloud's state on a disk, ours takes "
        f"{on_disk:.2f} ms with three calls and {found[ON_DISK]['wall_ms']:.2f} with four, DBOS's {theirs:.2f}: {reached} with "
        f"three calls. On SQLite, DBOS's takes {dbos[SQLITE]['step']['wall_ms']:.2f}."
    )


def _what_a_handover_is(result: dict[str, Any]) -> str:
    text = (
        "A hand-over of ours goes from before the write of one step until the next step is committed in another process: "
        "UpdateRow, PutEvents, the bus's rule, the function's invocation, GetRow, UpdateRow. The local cloud delivers an event at "
        "once, and its virtual time stands still meanwhile. So this is the time of the code; the real bus and Function Compute "
        "add their own, which is not measured."
    )
    if not result["dbos"]:
        return text
    return (
        f"{text} A hand-over of DBOS goes from before a workflow is enqueued until the worker in the same process has committed "
        "its only step; the last column goes on until the sender has the result. By default DBOS looks into a queue, and for a "
        "result, once a second, so nearly all of that time is waiting. The other rows are with a look every millisecond."
    )


def _handovers(ours: dict[str, Times], dbos: dict[str, Any]) -> str:
    rows: list[list[Any]] = [
        ["our hand-over", ours[IN_MEMORY]["least_ms"], ours[IN_MEMORY]["median_ms"], ""],
        ["our hand-over, the cloud's state on a disk", ours[ON_DISK]["least_ms"], ours[ON_DISK]["median_ms"], ""],
    ]
    for name, kinds in dbos.items():
        for kind, how in (("default", "default polling"), ("often", "a look every ms")):
            each = kinds[kind]
            rows.append([f"DBOS hand-over ({name}, {how})", each["least_ms"], each["median_ms"], each["result_ms"]])
    return table(["what", "least ms", "median ms", "median ms until the result"], rows)


def _aim_of_a_handover(ours: dict[str, Times], dbos: dict[str, Any]) -> str:
    """How our hand-over compares with both kinds of DBOS's on PostgreSQL; on SQLite if there is no PostgreSQL."""
    if not dbos:
        return ""
    database = POSTGRESQL if POSTGRESQL in dbos else SQLITE
    own = ours[ON_DISK]["median_ms"]
    told = []
    for kind, how in (("default", "as by default"), ("often", "with a look every ms")):
        theirs = dbos[database][kind]["median_ms"]
        reached = "reached" if own * SHARE <= theirs else "not reached"
        told.append(f"{own / theirs:.3f} of its {theirs:.1f} ms {how} ({reached})")
    return f"The aim is a fifth of DBOS's hand-over. On {database}, ours of {own:.1f} ms takes {' and '.join(told)}."
