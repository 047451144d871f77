"""Writes the rows of a small fleet as an older version of the code stores them, and the views that this version makes of the rows.

It was run once in a copy of each version (``git archive COMMIT``). Run it again before the next column is added: ``python make.py
OUT COMMIT POLICY [pause]`` with the copy in PYTHONPATH. POLICY is JSON with the fields that the version knows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.support.fleets import fleet, instance
from tests.support.world import World

UBUNTU = ("Ubuntu  12.04 64位", "Ubuntu  12.04 64 bit", "linux")
FLEET = fleet(instance(1), instance(2), instance(3), instance(4, UBUNTU))
"""The first is confirmed, the second migrated, the third in progress, the fourth refused."""


def live(world: World, policy: dict[str, Any], *, pause: bool) -> tuple[str, ...]:
    """Three batches, each at a different point of its life. Returns their ids."""

    def submit(*ids: str) -> str:
        body = {"instanceIds": list(ids), "policy": policy, "clientToken": ids[0]}
        return str(world.api.post("/batches", body)["batchId"])

    def acknowledge(batch: str) -> None:
        world.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})

    first = submit("i-test0001", "i-test0002")
    world.run(30)
    acknowledge(first)
    world.run_until(lambda: list(world.states().values()).count("migrated") == 2, minutes=600, every=10)
    ids = {each["instanceId"]: each["migrationId"] for each in world.migrations()}
    world.api.post(f"/migrations/{ids['i-test0001']}/confirmation", {})
    world.run(5)
    refused = submit("i-test0004")
    world.run(10)
    moving = submit("i-test0003")
    world.run(20)
    acknowledge(moving)
    world.run(6)
    if pause:
        world.api.post(f"/batches/{moving}/pause", {"why": "stored rows"})
    return first, moving, refused


def tables(world: World) -> dict[str, list[Any]]:
    """Every row: its key and its attribute columns."""
    from tablestore import INF_MAX, INF_MIN, OTSClient

    owner = world.cloud.owner
    client = OTSClient("http://127.0.0.1:9", owner.access_key_id, owner.access_key_secret, "replank")
    found: dict[str, list[Any]] = {}
    for table in sorted(client.list_table()):
        keys = client.describe_table(table).table_meta.schema_of_primary_key
        start, end = [(key[0], INF_MIN) for key in keys], [(key[0], INF_MAX) for key in keys]
        _, _, page, _ = client.get_range(table, "FORWARD", start, end, max_version=1)
        found[table] = [[row.primary_key, {name: value for name, value, _ in row.attribute_columns}] for row in page]
    return found


def main() -> None:
    """Write the file, one row per line."""
    out, commit, policy = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    world = World(seed=3)
    with world.connected():
        world.load_fleet(FLEET)
        batches = live(world, policy, pause="pause" in sys.argv)
        paths = [f"/migrations/{each['migrationId']}" for each in world.migrations()] + [f"/batches/{each}" for each in batches]
        views = {path: world.api.get(path) for path in paths}
        rows = [[table, *row] for table, found in tables(world).items() for row in found]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    shown = ",\n".join(f"{json.dumps(name)}: {json.dumps(view, ensure_ascii=False)}" for name, view in views.items())
    head = f'{{"commit": {json.dumps(commit)}, "policy": {json.dumps(policy)}'
    out.write_text(f'{head},\n"rows": [\n{lines}\n],\n"views": {{\n{shown}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
