"""End-of-life notices. The module reads the notices that intake receives, and chooses the notices that the inventory publishes.

Alibaba Cloud publishes no machine-readable notice, so the inventory publishes notices of its own. Once a month, the inventory sends
a notice for every release in use whose support has ended or will end soon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from shared.domain import events
from shared.domain.catalog import CATALOG, Catalog, Release, release_with_name
from shared.domain.codec import as_list, as_object
from shared.domain.errors import Refused
from shared.domain.policy import Policy, parse_policy
from shared.domain.record import dataclass

LEAD = timedelta(days=180)
"""The time before the end of support at which the inventory begins to send notices. Other cloud providers announce the end of
support for a major version equally early.
"""

NOTICE_FIELDS = frozenset({"releases", "endOfSupport", "regionIds", "instanceIds", "accountIds", "resources"})
NOTICE_POLICY_FIELDS = frozenset(
    {
        "driver",
        "maxMoving",
        "maxMovingPerRegion",
        "maxMovingPerWave",
        "failureBudget",
        "failurePercent",
        "waveFailureBudget",
        "canary",
        "waves",
        "order",
        "soakMin",
        "gate",
        "retentionDays",
        "confirmAfterDays",
        "zone",
        "window",
        "windows",
        "blackouts",
        "approvals",
        "waveApprovals",
        "rollbackApprovals",
        "automaticRollback",
        "approverRole",
        "approverTrust",
        "approvalMin",
        "approvalExpiry",
    }
)
MOST_INSTANCES = 1000
"""Maximum number of instances that a notice may name. An API request may name the same maximum number of instances."""


@dataclass(frozen=True)
class Notice:
    """A validated end-of-life notice. The ``releases`` are keys or beginnings of keys, for example ``windows-2008r2`` for all its
    editions."""

    releases: tuple[str, ...]
    regions: tuple[str, ...] = ()
    instance_ids: tuple[str, ...] = ()
    """The ids of the instances that the notice concerns, if they run one of the releases. If the list is empty, the notice concerns
    all instances.
    """
    accounts: tuple[str, ...] = ()
    """The ids of the accounts that the notice concerns. If the list is empty, the notice concerns every account that the deployment
    serves.
    """


def parse_notice(data: dict[str, Any], catalog: Catalog = CATALOG) -> Notice:
    """The notice that the data of an EndOfLife event contains. Raises Refused with the name of the invalid field.

    Anybody with permission to publish to the event bus can send a notice. A notice therefore selects instances, and decides
    nothing else. Commands, overrides, drivers and limits come only from a named person.
    """
    strangers = sorted(set(data) - NOTICE_FIELDS)
    if strangers:
        what = f"A notice may not contain {strangers[0][:100]!r}. Its fields are {', '.join(sorted(NOTICE_FIELDS))}."
        raise Refused(
            "Notice.FieldNotAllowed",
            what,
            "Send the notice without this field, or submit a batch, in which a person decides everything else.",
        )
    releases = tuple(_parse_release_key(each, catalog) for each in as_list(data.get("releases"), "releases"))
    if not releases:
        raise Refused("Notice.Empty", "The notice names no release.", "Give data.releases at least one release, e.g. CentOS 7.")
    _check_end_of_support(data.get("endOfSupport"))
    regions = tuple(map(_parse_region_id, as_list(data.get("regionIds", []), "regionIds")))
    accounts = tuple(map(_parse_account_id, as_list(data.get("accountIds", []), "accountIds")))
    instances = _parse_instance_ids(data.get("instanceIds", []))
    named = [_parse_arn(each) for each in as_list(data.get("resources", []), "resources")]
    if not named:
        return Notice(releases, regions, instances, accounts)
    if instances or regions or accounts:
        what = "The notice has resources and also instanceIds, regionIds or accountIds, which the resources already contain."
        raise Refused("Notice.FieldNotAllowed", what, "Send either resources, or the three other fields.")
    of_regions, of_accounts, of_instances = (tuple(dict.fromkeys(each)) for each in zip(*named, strict=True))
    return Notice(releases, of_regions, _parse_instance_ids(list(of_instances)), of_accounts)


def _check_end_of_support(end_of_support: object) -> None:
    if end_of_support is None:
        return
    try:
        date.fromisoformat(str(end_of_support))
    except ValueError:
        what = f"{str(end_of_support)[:100]!r} is not a date."
        raise Refused("Notice.DateInvalid", what, "Write endOfSupport like 2024-06-30, or leave the field out.") from None


def _parse_instance_ids(instance_ids: object) -> tuple[str, ...]:
    listed = as_list(instance_ids, "instanceIds")
    if len(listed) > MOST_INSTANCES:
        what = f"The notice names {len(listed)} instances, more than {MOST_INSTANCES}."
        raise Refused("Notice.TooManyInstances", what, "Name only the releases, or send several notices.")
    return tuple(dict.fromkeys(map(_parse_instance_id, listed)))


def _parse_instance_id(name: object) -> str:
    if not isinstance(name, str) or not _INSTANCE.fullmatch(name):
        raise Refused("Notice.InstanceInvalid", f"{str(name)[:100]!r} is not an instance id.", "Give instanceIds like i-bp1abc.")
    return name


def _parse_account_id(name: object) -> str:
    if not isinstance(name, str) or not _ACCOUNT.fullmatch(name):
        raise Refused("Notice.AccountInvalid", f"{str(name)[:100]!r} is not an account id.", "Give accountIds of 16 digits.")
    return name


def _parse_arn(name: object) -> tuple[str, str, str]:
    """The region id, account id and instance id in an ARN of a notice."""
    found = _ARN.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        remedy = "Give resources like acs:ecs:cn-hangzhou:1234567890123456:instance/i-bp1abc."
        raise Refused("Notice.ResourceInvalid", f"{str(name)[:100]!r} is not the ARN of an instance.", remedy)
    return found[1], found[2], found[3]


def _parse_region_id(name: object) -> str:
    """The region id in a notice. The id is checked strictly, because later requests use the id as part of a host name."""
    if not isinstance(name, str) or not _REGION.fullmatch(name):
        raise Refused("Notice.RegionInvalid", f"{str(name)[:100]!r} is not a region id.", "Give regionIds like cn-hangzhou.")
    return name


def parse_notice_policy(document: object) -> Policy:
    """The deployment's policy for batches made from notices: limits and driver, but nothing that runs in a guest.

    Raises Refused with the name of the invalid field.
    """
    strangers = sorted(set(as_object(document, "policy")) - NOTICE_POLICY_FIELDS)
    if strangers:
        known = ", ".join(sorted(NOTICE_POLICY_FIELDS))
        raise Refused("Policy.Invalid", f"policy.{strangers[0]} is not allowed for notices.", f"The allowed fields are {known}.")
    return parse_policy(document)


def _parse_release_key(name: object, catalog: Catalog) -> str:
    text = str(name).strip()
    release = release_with_name(text, catalog)
    key = release.key if release else text.lower().replace("windows server", "windows").replace(" r2", "r2").replace(" ", "-")
    if release is None and not any(product.startswith(key) for product in catalog.lifecycle):
        raise Refused("Catalog.ReleaseUnknown", f"The catalog has no release {text[:100]!r}.", "See `replank catalog releases`.")
    return key


_INSTANCE = re.compile(r"i-[A-Za-z0-9-]{1,62}")
_ACCOUNT = re.compile(r"[0-9]{16}")
_ARN = re.compile(r"acs:ecs:([a-z]{2}-[a-z0-9-]{1,37}):([0-9]{16}):instance/(i-[A-Za-z0-9-]{1,62})")
_REGION = re.compile(r"[a-z]{2}-[a-z0-9-]{1,37}")


def is_wanted_release(release: Release, wanted: Iterable[str]) -> bool:
    """Whether the release matches one of the wanted keys, products or beginnings of keys."""
    return any(release.key == each or release.product == each or release.key.startswith(each + "-") for each in wanted)


def due_notices(releases: Iterable[Release], now: datetime, catalog: Catalog = CATALOG) -> list[events.Event]:
    """The EndOfLife events that the inventory has to publish now, one for each product. All calls within one month return the same
    event ids.
    """
    found: dict[str, events.Event] = {}
    for release in releases:
        row = catalog.lifecycle.get(release.product)
        if row is None or row.ends_on is None or row.ends_on > (now + LEAD).date():
            continue
        event_id = f"eol-{release.product}-{now:%Y-%m}"
        data = {"releases": [release.product], "endOfSupport": row.ends_on.isoformat(), "regionIds": []}
        found[release.product] = events.Event(events.END_OF_LIFE, event_id, f"release/{release.product}", data)
    return [found[product] for product in sorted(found)]
