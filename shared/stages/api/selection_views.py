"""The API's views of a selection: what it asks for, and what it left out. See views.py for how they become JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExclusionView:
    """Which instances a batch leaves out although its selection means them."""

    instance_ids: tuple[str, ...]
    releases: tuple[str, ...]
    tags: tuple[str, ...]
    resource_group_ids: tuple[str, ...]
    vpc_ids: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class SelectionView:
    """Which instances a batch asks for. A list of batches shows no ids if there are more than 1,000."""

    account_ids: tuple[str, ...]
    region_ids: tuple[str, ...]
    instance_ids: tuple[str, ...]
    releases: tuple[str, ...]
    tags: tuple[str, ...]
    resource_group_ids: tuple[str, ...]
    vpc_ids: tuple[str, ...]
    names: tuple[str, ...]
    exclude: ExclusionView


@dataclass(frozen=True)
class LeftOutView:
    """One instance that a batch's selection left out, and why."""

    instance_id: str
    account_id: str
    region_id: str
    name: str
    code: str
    message: str


@dataclass(frozen=True)
class LeftOutList:
    """A page of the instances left out, with their number in all; at most 10,000 are listed."""

    batch_id: str
    total: int
    left_out: tuple[LeftOutView, ...]
    next_token: str
