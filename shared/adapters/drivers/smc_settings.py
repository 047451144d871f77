"""The settings of the SMC driver. The settings have their own module, so that reading them does not load the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from shared.domain.record import dataclass


@dataclass(frozen=True)
class SmcSettings:
    """Values that SMC's API needs, but that Alibaba Cloud does not publish.

    The field ``target_values`` maps the catalog's release keys to SMC's names for the releases.
    """

    import_linux: str = ""
    import_windows: str = ""
    target_parameter: str = "ReplicationParameters.TargetOsType"
    target_values: Mapping[str, str] = field(default_factory=dict)
