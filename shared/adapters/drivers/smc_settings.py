"""The settings of the SMC driver, kept apart so that reading them does not load the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SmcSettings:
    """Values that Alibaba Cloud does not publish. ``target_values`` is SMC's name of each release, by our release key."""

    import_linux: str = ""
    import_windows: str = ""
    target_parameter: str = "ReplicationParameters.TargetOsType"
    target_values: Mapping[str, str] = field(default_factory=dict)
