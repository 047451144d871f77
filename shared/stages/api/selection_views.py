"""The API's views of a batch's selection and of the instances that the selection left out. The module ``views.py`` says how a view
becomes JSON.
"""

from __future__ import annotations

from shared.domain.record import dataclass


@dataclass(frozen=True)
class ExclusionView:
    """The criteria by which a batch leaves out instances that its selection would otherwise choose."""

    instance_ids: tuple[str, ...]
    releases: tuple[str, ...]
    tags: tuple[str, ...]
    resource_group_ids: tuple[str, ...]
    vpc_ids: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class SelectionView:
    """The criteria by which a batch chooses instances. A list of batches omits the instance ids if there are more than 1,000."""

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
class LeftOutInstanceView:
    """One instance that a batch's selection left out, with the reason."""

    instance_id: str
    account_id: str
    region_id: str
    name: str
    code: str
    message: str


@dataclass(frozen=True)
class LeftOutInstanceList:
    """A page of the instances that a batch left out, and their total number. At most 10,000 instances are listed."""

    batch_id: str
    total: int
    left_out: tuple[LeftOutInstanceView, ...]
    next_token: str
