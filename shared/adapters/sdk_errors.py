"""Translates the cloud's error codes. Tables map each code to a class of error and a remedy.

The cloud's messages are shown to people, and never parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.domain.errors import Permanent, Refused, ReplankError, Transient


class CloudError(Exception):
    """An error that a service of Alibaba Cloud returned. The code is empty if the service did not answer."""

    def __init__(self, code: str, message: str, status: int, request_id: str = "") -> None:
        super().__init__(f"{code or 'no answer'}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id

    @property
    def is_worth_repeating(self) -> bool:
        """Whether the same call may soon succeed.

        Repeating the call may help after throttling, a server error or a missing answer.
        """
        return not self.code or self.status >= 500 or self.code == "ServiceUnavailable" or self.code_family in _THROTTLED

    @property
    def is_permission_error(self) -> bool:
        """Whether the code means that a permission is missing."""
        return self.code_family in _DENIED or self.status in (401, 403)

    @property
    def code_family(self) -> str:
        """The part of the code before its first dot, for example ``Throttling`` for ``Throttling.User``."""
        return self.code.partition(".")[0]


_THROTTLED = frozenset({"Throttling", "TooManyRequests"})
"""Families of codes with which ECS, SMC and EventBridge throttle calls."""
_DENIED = frozenset({"Forbidden", "NoPermission", "AccessDenied"})
"""Families of codes with which ECS, SMC and EventBridge report a missing permission. EventBridge sends no HTTP status."""
_WAIT = "Wait; the pipeline tries again by itself."
TRANSIENT: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        (
            "IdempotentProcessing",
            "LastTokenProcessing",
            "Operation.Conflict",
            "OperationConflict",
            "DISK_HAS_CREATING_SNAPSHOT",
            "IncorrectDiskStatus",
            "IncorrectDiskStatus.CreatingSnapshot",
            "IncorrectDiskStatus.HasUnfinishedSnapshot",
            "IncorrectDiskStatus.Transferring",
            "IncorrectInstanceStatus",
            "IncorrectInstanceStatus.Initializing",
            "InvalidSnapshotId.NotReady",
            "InvalidOperation.DiskResetInProgress",
            "InvalidOperation.RelatedSnapshotNotFinished",
            "QuotaExceed.ConcurrentSnapshotQuota",
            "SignatureNonceUsed",
            "InvalidSecurityToken.Expired",
            "SourceServerState.Invalid",
            "SourceServer.WithRunningReplicationJob",
            "ReplicationJob.InvalidStatus",
            "ReplicationJob.Related",
        ),
        _WAIT,
    )
)
"""Codes for conditions that end without a person's help, each with its remedy. The codes come from operations on snapshots, disks,
instances and SMC's jobs.
"""

REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "InvalidInstanceId.NotFound": ("Instance.NotFound", "The instance is gone, or in another region or account."),
        "InvalidInstance.NotFound": ("Instance.NotFound", "The instance is gone, or in another region or account."),
        "InvalidDiskId.NotFound": ("Disk.NotFound", "The disk is gone."),
        "InvalidSnapshotId.NotFound": ("Snapshot.NotFound", "The snapshot is gone."),
        "InvalidRegionId.NotFound": ("Region.NotFound", "Name a region of this account, e.g. cn-hangzhou."),
        "InstanceNotRunning": ("Guest.Unreachable", "Start the instance and wait until Cloud Assistant answers."),
        "InvalidInstance.NotRunning": ("Guest.Unreachable", "Start the instance and wait until Cloud Assistant answers."),
    }
)
"""Codes for a resource that is missing or not running, each with the pipeline's own code and the remedy."""

PERMANENT: Mapping[str, str] = MappingProxyType(
    {
        "NoPermission": "Give the function's role the permission named in the message (template.yml holds the policies).",
        "EntityNotExist.Role": "Create the service-linked role AliyunServiceRoleForSMC: authorise SMC once in its console.",
        "RealNameAuthenticationError": "Complete the account's real-name registration.",
        "InvalidAccountStatus.NotEnoughBalance": "Top up the account: snapshots are billed.",
        "InvalidAccountStatus.SnapshotServiceUnavailable": "Activate the Snapshot service in the ECS console.",
        "QuotaExceed.Snapshot": "Delete snapshots of this disk that are no longer needed, or ask for a higher quota.",
        "QuotaExceed.SnapshotQuota": "Delete snapshots that are no longer needed, or ask for a higher quota.",
        "QuotaExceeded.ReplicationJob": "Delete finished replication jobs in the SMC console, or ask for a higher quota.",
        "InstanceLockedForSecurity": "Unlock the instance (Security Center), then retry.",
        "DiskInArrears": "Settle the account's bill, then retry.",
        "DiskCategory.OperationNotSupported": "This disk category has no snapshots: move the data to a cloud disk first.",
        "InvalidParameter.Mismatch": "The snapshot was made from another disk: the disk was replaced. Restore it by hand.",
        "IdempotentParameterMismatch": "A call with this token was made with other parameters. Report this.",
        "InvalidOsMigrationType.NotMatched": "The message lists the values supported: correct REPLANK_SMC_TARGET_VALUES.",
        "MissingParameter": "Report this: the call lacks a parameter the service demands.",
    }
)
"""Codes for errors that only a person can remedy, each with its remedy."""


def translate_error(error: CloudError) -> ReplankError:
    """The cloud's error, translated to an error class that the stages handle.

    A person must handle a refusal with an unknown code. A call that fails with an unknown server error is repeated.
    """
    where = f"{error.message} (RequestId {error.request_id})" if error.request_id else error.message
    code = error.code or "Cloud.NoAnswer"
    if error.code in REFUSED:
        ours, remedy = REFUSED[error.code]
        return Refused(ours, where, remedy, status=404)
    if error.code in TRANSIENT or error.is_worth_repeating:
        return Transient(code, where)
    if error.is_permission_error:
        return Permanent(code, where, PERMANENT.get(error.code, PERMANENT["NoPermission"]))
    return Permanent(code, where, PERMANENT.get(error.code, "Look the code up in the service's error list; correct it and retry."))
