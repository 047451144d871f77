"""Finds the facts of a guest that have changed since the guest was assessed. With similar tools, upgrades have failed because the
guest was changed after its assessment.
"""

from __future__ import annotations

from dataclasses import fields

from shared.domain.guest import GuestFacts

HEALTH = ("metadata_answers", "names_resolve", "clock_in_step")
"""Facts that may change although nobody changes the guest, so a change in them is ignored."""


def _lasting_facts(guest: GuestFacts) -> dict[str, object]:
    """The facts of a guest that change only if somebody changes them. Free space, free memory and running programs are left out."""
    mounts = None if guest.mounts is None else tuple((m.mount_point, m.device, m.size_mib, m.read_only) for m in guest.mounts)
    services = None if guest.services is None else tuple((s.name, s.enabled) for s in guest.services if s.enabled)
    names = ("os_id", "os_version", "kernel", "architecture", "hostname", "packages", "users", "groups", "default_route", "dns")
    values: dict[str, object] = {name: getattr(guest, name) for name in names}
    if guest.linux:
        volatile = (*HEALTH, "clock_synchronised", "package_manager_busy", "modules", "modules_out_of_tree")
        values |= {f.name: getattr(guest.linux, f.name) for f in fields(guest.linux) if f.name not in volatile}
    if guest.windows:
        values |= {
            f.name: getattr(guest.windows, f.name) for f in fields(guest.windows) if f.name not in (*HEALTH, "windows_dir_mib")
        }
    return {**values, "mounts": mounts, "services": services}


def changed_facts(assessed: GuestFacts, now: GuestFacts) -> tuple[str, ...]:
    """The names of the facts that somebody has changed since the guest was assessed."""
    before, after = _lasting_facts(assessed), _lasting_facts(now)
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))
