"""Situations of real guests (tests/field/guests.json: files and commands of a guest, and the facts that must be found)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shared.domain.guest import GuestFacts
from shared.probes import parse_probe_answer
from tests.support.roots import RELEASES, RPM, SHELLS, Root, make_root

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "field/guests.json").read_text())


def root_of(case: dict[str, Any], folder: Path) -> Root:
    """The guest of a case: a healthy guest with the case's changes."""
    release = case.get("release", "centos-7")
    root = make_root(folder, release)
    change(root, case)
    if "rpms" in case:
        root.command("rpm", ("*", RPM.format(kernel=RELEASES[release][2].removesuffix(".x86_64")) + case["rpms"]))
    return root


def change(root: Root, case: dict[str, Any]) -> None:
    """Make a case's changes in a guest."""
    for name in case.get("remove", ()):
        (root.path / name).unlink()
    for name in case.get("rmdir", ()):
        (root.path / name).rmdir()
    for name, text in case.get("files", {}).items():
        root.write(name, text)
    for name in case.get("executables", ()):
        root.write(name, b"\x7fELF\x02\n", 0o755)
    for name in case.get("dirs", ()):
        (root.path / name).mkdir(parents=True)
    for name, target in case.get("links", {}).items():
        os.symlink(target, root.path / name)
    for name, rows in case.get("commands", {}).items():
        root.command(name, *[(pattern, text) for pattern, text in rows])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_probe_tells(case: dict[str, Any], shell: tuple[str, ...], tmp_path: Path) -> None:
    run = root_of(case, tmp_path).probe(shell)
    assert (run.returncode, run.stderr) == (0, b"")
    guest = parse_probe_answer("linux", run.stdout)
    assert guest.linux is not None
    for fact, value in case.get("facts", {}).items():
        assert told(guest, fact) == value, fact
    if "mounts" in case:
        assert [[m.mount_point, m.device, m.size_mib, m.options] for m in guest.mounts or ()] == case["mounts"]
    if "default_kernel" in case:
        assert guest.linux.boot is not None
        assert guest.linux.boot.default_kernel == case["default_kernel"]
    assert GuestFacts.from_json(guest.to_json(), strict=True) == guest


def told(guest: GuestFacts, fact: str) -> Any:
    """A fact as JSON. Of fstab only the device, the mount point, and whether the device exists."""
    value = getattr(guest.linux, fact)
    if fact == "fstab":
        return [[entry.spec, entry.mount_point, entry.present] for entry in value]
    return json.loads(json.dumps(value))
