"""Decides whether a selection chooses an instance, leaves the instance out for a reason, or does not concern the instance. All
functions in this module are pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from shared.domain.batch import Exclusion, Selection
from shared.domain.catalog import Release
from shared.domain.notice import is_wanted_release
from shared.domain.record import dataclass

MOST_IDS = 10_000
"""Maximum number of instance ids that a selection may name, and of ids that a selection may exclude."""
NOT_FOUND, EXCLUDED, OTHER = "Instance.NotFound", "Selection.Excluded", "Selection.NotMatched"
MOVED, RECENT = "Selection.AlreadyMoved", "Selection.RecentMigration"


@dataclass(frozen=True)
class InstanceTraits:
    """The attributes of an instance that a selection uses. The field ``release`` is None if the catalog lacks the operating
    system."""

    instance_id: str
    name: str
    system: str
    release: Release | None
    tags: Mapping[str, str]
    resource_group: str
    vpc: str


def reason_to_exclude(excluded: Exclusion, traits: InstanceTraits) -> str:
    """The first exclusion that applies to the instance, in words; empty if no exclusion applies."""
    if traits.instance_id in excluded.instance_ids:
        return "its id is excluded"
    found = {
        "tag": next((each for each in excluded.tags if has_tag(each, traits.tags)), ""),
        "resource group": traits.resource_group if traits.resource_group in excluded.resource_groups else "",
        "VPC": traits.vpc if traits.vpc in excluded.vpcs else "",
        "name": next((each for each in excluded.names if matches_pattern(each, traits.name)), ""),
        "release": traits.release.key if traits.release and is_wanted_release(traits.release, excluded.releases) else "",
    }
    return next((f"{what} {value} is excluded" for what, value in found.items() if value), "")


def unmet_criterion(selection: Selection, traits: InstanceTraits) -> str:
    """The first criterion of the selection that the instance does not meet, in words; empty if the instance meets all criteria.

    The instance must have every tag, and match one of the resource groups, one of the VPCs and one of the names.
    """
    lacking = next((each for each in selection.tags if not has_tag(each, traits.tags)), "")
    if lacking:
        return f"it has no tag {lacking}"
    if selection.resource_groups and traits.resource_group not in selection.resource_groups:
        return f"it is in resource group {traits.resource_group or '(default)'}"
    if selection.vpcs and traits.vpc not in selection.vpcs:
        return f"it is in VPC {traits.vpc or '(none)'}"
    if selection.names and not any(matches_pattern(each, traits.name) for each in selection.names):
        return f"its name {traits.name!r} fits no pattern"
    return ""


def why_release_not_selected(selection: Selection, traits: InstanceTraits) -> str:
    """Why the selection does not include the instance's operating system, in words; empty if the selection includes it."""
    if not selection.releases or (traits.release is not None and is_wanted_release(traits.release, selection.releases)):
        return ""
    return f"it runs {traits.system or 'an unnamed system'}, which the selection does not name"


def selection_result(selection: Selection, ids: frozenset[str], traits: InstanceTraits) -> tuple[str, str] | None:
    """The error code and the reason if the selection leaves the instance out. The code and the reason are empty texts if the
    selection chooses the instance. The result is None if the selection does not concern the instance.

    The argument ``ids`` holds the instance ids of the selection. A selection concerns the instances that the selection names, and
    all instances that meet every filter. A selection without filters concerns the instances that run one of its releases.
    """
    named = traits.instance_id in ids
    if not selection.has_criteria or (ids and not named):
        return None
    other, release = unmet_criterion(selection, traits), why_release_not_selected(selection, traits)
    if not named and (other or (release and not selection.attribute_criteria)):
        return None
    if other or release:
        return OTHER, other or release
    excluded = reason_to_exclude(selection.exclude, traits)
    return (EXCLUDED, excluded) if excluded else ("", "")


def has_tag(wanted: str, tags: Mapping[str, str]) -> bool:
    """Whether the tags contain ``wanted``: ``key=value``, or a key alone, which matches any value."""
    key, equals, value = wanted.partition("=")
    return key in tags and (not equals or tags[key] == value)


def matches_pattern(pattern: str, name: str) -> bool:
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
    """A digest of the chosen instances (account, region, id), 32 characters long and independent of their order."""
    return hashlib.sha256(json.dumps(sorted(map(list, chosen))).encode()).hexdigest()[:32]
