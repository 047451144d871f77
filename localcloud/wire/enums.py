"""The values that a filter can have. Any other value is refused: it would match nothing, so a misspelt status would go unnoticed.

Sources: the pages of these operations in the API references of ECS (2014-05-26) and SMC (2019-06-01).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.core.errors import ApiError

_COMMAND_TYPES = ("RunBatScript", "RunPowerShellScript", "RunShellScript")
_INVOKE_STATES = (
    *("Aborted", "Cancelled", "Cancelling", "Error", "Exited", "Failed", "Finished", "Invalid", "PartialFailed"),
    *("Pending", "Running", "Scheduled", "Stopped", "Stopping", "Success", "Terminated", "Timeout"),
)
FILTERS: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("ecs", "DescribeInstances"): {"Status": ("Pending", "Running", "Starting", "Stopping", "Stopped")},
    ("ecs", "DescribeDisks"): {
        "Status": ("All", "Attaching", "Available", "Creating", "Detaching", "In_use", "ReIniting"),
        "DiskType": ("all", "data", "system"),
    },
    ("ecs", "DescribeSnapshots"): {
        "Status": ("accomplished", "all", "failed", "progressing"),
        "SnapshotType": ("all", "auto", "user"),
        "Usage": ("disk", "image", "image_disk", "none"),
    },
    ("ecs", "DescribeInvocations"): {"InvokeStatus": _INVOKE_STATES, "CommandType": _COMMAND_TYPES},
    ("ecs", "DescribeInvocationResults"): {"InvokeRecordStatus": _INVOKE_STATES},
    ("smc", "DescribeReplicationJobs"): {
        "Status": ("Deleting", "Expired", "Finished", "InError", "Ready", "Running", "Stopped", "Waiting"),
    },
}
"""The parameters and their values, by service and operation."""


def check(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Refuse a filter's value that the operation does not have."""
    for name, values in FILTERS.get((service, operation), {}).items():
        if name in params and params[name] not in values:
            raise ApiError(
                f"Invalid{name}.ValueNotSupported",
                f"The specified {name} {params[name]!r} is not supported. Values: {', '.join(values)}.",
                400,
            )
