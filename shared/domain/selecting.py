"""What a selection says of one instance: chosen, left out with the reason, or not of interest. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.domain.batch import Exclusion, Selection
from shared.domain.catalog import Release
from shared.domain.notice import matches

MOST_IDS = 10_000
"""Maximum instance ids of a selection, and of its exclusion."""
NOT_FOUND, EXCLUDED, OTHER = "Instance.NotFound", "Selection.Excluded", "Selection.NotMatched"
MOVED, RECENT = "Selection.AlreadyMoved", "Selection.RecentMigration"


@dataclass(frozen=True)
class Traits:
    """What a selection looks at in an instance. ``release`` is None if the catalog has no such system."""

    instance_id: str
    name: str
    system: str
    release: Release | None
    tags: Mapping[str, str]
    resource_group: str
    vpc: str


def reason_to_exclude(excluded: Exclusion, traits: Traits) -> str:
    """Which exclusion the instance meets, in words; empty if it meets none. One is enough."""
    if traits.instance_id in excluded.instance_ids:
        return "its id is excluded"
    found = {
        "tag": next((each for each in excluded.tags if has_tag(each, traits.tags)), ""),
        "resource group": traits.resource_group if traits.resource_group in excluded.resource_groups else "",
        "VPC": traits.vpc if traits.vpc in excluded.vpcs else "",
        "name": next((each for each in excluded.names if fits(each, traits.name)), ""),
        "release": traits.release.key if traits.release and matches(traits.release, excluded.releases) else "",
    }
    return next((f"{what} {value} is excluded" for what, value in found.items() if value), "")


def mismatch(selection: Selection, traits: Traits) -> str:
    """Which criterion the instance does not meet, in words; empty if it meets all that are given.

    All tags must be there. Of resource groups, VPCs and names one is enough.
    """
    lacking = next((each for each in selection.tags if not has_tag(each, traits.tags)), "")
    if lacking:
        return f"it has no tag {lacking}"
    if selection.resource_groups and traits.resource_group not in selection.resource_groups:
        return f"it is in resource group {traits.resource_group or '(default)'}"
    if selection.vpcs and traits.vpc not in selection.vpcs:
        return f"it is in VPC {traits.vpc or '(none)'}"
    if selection.names and not any(fits(each, traits.name) for each in selection.names):
        return f"its name {traits.name!r} fits no pattern"
    return ""


def other_release(selection: Selection, traits: Traits) -> str:
    """Why the instance's system is not selected, in words; empty if it is."""
    if not selection.releases or (traits.release is not None and matches(traits.release, selection.releases)):
        return ""
    return f"it runs {traits.system or 'an unnamed system'}, which the selection does not name"


def left_out(selection: Selection, ids: frozenset[str], traits: Traits) -> tuple[str, str] | None:
    """Code and reason if the instance is left out; two empty texts if it is chosen; None if the selection is not about it.

    ``ids`` are those of the selection. It is about an instance whose id it names, or that meets every filter. Without filters,
    it is about what runs one of its releases.
    """
    named = traits.instance_id in ids
    if not selection.has_criteria or (ids and not named):
        return None
    other, release = mismatch(selection, traits), other_release(selection, traits)
    if not named and (other or (release and not selection.filters)):
        return None
    if other or release:
        return OTHER, other or release
    excluded = reason_to_exclude(selection.exclude, traits)
    return (EXCLUDED, excluded) if excluded else ("", "")


def has_tag(wanted: str, tags: Mapping[str, str]) -> bool:
    """Whether the tags have ``key=value``, or the key with any value if only a key is wanted."""
    key, equals, value = wanted.partition("=")
    return key in tags and (not equals or tags[key] == value)


def fits(pattern: str, name: str) -> bool:
    """Whether the name fits the pattern, in which ``*`` stands for any characters. Matching is case-sensitive."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        place = name.find(part, at, end)
        if place < 0:
            return False
        at = place + len(part)
    return True


def digest_of_instances(chosen: Iterable[tuple[str, str, str]]) -> str:
    """The instances chosen (account, region, id) as a digest of 32 characters, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(map(list, chosen))).encode()).hexdigest()[:32]
