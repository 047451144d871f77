"""Replaces the operating system of a tree in place: only the release's own files change; all others stay byte for byte."""

from __future__ import annotations

import json
from typing import Any

from localcloud.ecs.guest import linux, windows
from localcloud.ecs.guest.blob import Tree
from localcloud.ecs.guest.facts import Facts, linux_os, windows_os
from localcloud.ecs.guest.releases import VENDORS, linux_named, windows_named


def installed(tree: Tree) -> dict[str, Any]:
    """The operating system in a tree: id, version, arch, language and, for Windows, edition."""
    found: dict[str, Any] = json.loads(tree[".guest/os.json"][1])
    return found


def replaced(tree: Tree, facts: Facts, target: str) -> Tree:
    """The tree after the upgrade to the destination named ``target`` (``Alibaba Cloud Linux 3``)."""
    old = installed(tree)
    if old["id"] == "windows":
        version, _ = windows_named(target)
        new = {**facts, "os": windows_os(version, "Datacenter"), "language": old["language"]}
        return {**tree, **windows.release_tree(new)}
    old_facts = {**facts, "os": {**old, "release": "", "mark": old["mark"]}, "arch": old["arch"], "language": old["language"]}
    gone = linux.release_tree(old_facts)
    new = {**old_facts, "os": linux_os(linux_named(target)), "packages": _surviving(tree, linux_named(target).packages)}
    kept = {path: entry for path, entry in tree.items() if path not in gone}
    return {**kept, **linux.release_tree(new)}


def _surviving(tree: Tree, mark: str) -> list[str]:
    """The packages of the old release, rebuilt for the new one, without i386 packages, which the new release does not have."""
    rows = [line.split(" ", 4) for line in tree[".guest/rpm"][1].decode().splitlines()]
    base = {"kernel", "bash", "glibc", "openssh-server", "systemd"}
    kept = [row for row in rows if row[0] not in base and row[3] not in ("i386", "i686")]
    own = set(VENDORS.values())
    return [f"{name}-{version}-1.{mark}.{arch}{'' if vendor in own else f' {vendor}'}" for name, version, _, arch, vendor in kept]
