"""What the deployment tells the SMC driver; apart from the driver, so that reading settings does not load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SmcSettings:
    """What Alibaba Cloud does not publish. ``target_values``: what SMC calls a release, by our release key."""

    import_linux: str = ""
    import_windows: str = ""
    target_parameter: str = "ReplicationParameters.TargetOsType"
    target_values: Mapping[str, str] = field(default_factory=dict)
