"""Tablestore's errors: codes, HTTP statuses and texts.

Source: "Error codes" of the Tablestore documentation; the texts for invalid primary keys come from the tests of the public SDKs.
"""

from __future__ import annotations

from localcloud.core.errors import ApiError


def invalid(message: str) -> ApiError:
    """A parameter that the service does not accept."""
    return ApiError("OTSParameterInvalid", message, 400)


def invalid_key(message: str) -> ApiError:
    """A primary key that does not fit the table."""
    return ApiError("OTSInvalidPK", message, 400)


def auth_failed(message: str) -> ApiError:
    """The signature is not valid for a key of this cloud."""
    return ApiError("OTSAuthFailed", message, 403)


def table_missing() -> ApiError:
    """The instance has no table (or index) of this name."""
    return ApiError("OTSObjectNotExist", "Requested table does not exist.", 404)


def table_exists() -> ApiError:
    """A table (or index) of that name already exists."""
    return ApiError("OTSObjectAlreadyExist", "Requested table already exists.", 409)


def condition_failed() -> ApiError:
    """The row does not meet the condition."""
    return ApiError("OTSConditionCheckFail", "Condition check failed.", 403)


def row_conflict() -> ApiError:
    """A local transaction locks the row's partition key."""
    return ApiError("OTSRowOperationConflict", "Data is being modified by the other request.", 409)


def quota(message: str) -> ApiError:
    """More tables than an instance may have, or more operations on its tables in a second."""
    return ApiError("OTSQuotaExhausted", message, 403)


def updated_too_often() -> ApiError:
    """A table was updated less than two minutes ago. The code and the text are those that the tests of public clients expect."""
    return ApiError("OTSTooFrequentReservedThroughputAdjustment", "Reserved throughput adjustment is too frequent.", 403)


def too_large() -> ApiError:
    """More bytes than one request may have."""
    return ApiError("OTSRequestBodyTooLarge", "The size of POST data is too large.", 413)


_TRANSLATED = {
    "NoPermission": (
        403,
        "OTSNoPermissionAccess",
        "You have no permission to access the requested resource, please contact the resource owner",
    ),
    "Throttling.User": (503, "OTSServerBusy", "Server is busy."),
    "InvalidParameter": (400, "OTSParameterInvalid", "Parse PBMessage from RawString failed."),
    "InternalError": (500, "OTSInternalServerError", "Internal server error."),
}


def in_own_words(error: ApiError) -> ApiError:
    """An error of the request chain (policy, faults) in Tablestore's codes. Tablestore's own errors stay unchanged."""
    if error.code not in _TRANSLATED:
        return error
    status, code, message = _TRANSLATED[error.code]
    return ApiError(code, message, status)
