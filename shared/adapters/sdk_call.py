"""Makes one call through a generated client.

A failed call is repeated a few times if a repetition may succeed. If all repetitions fail, the last error is translated to an error
class that the stages handle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.adapters.sdk import Clients
from shared.adapters.sdk_errors import CloudError, translate_error
from shared.domain.errors import ReplankError
from shared.domain.retry import RetryHint, repeat_call

Expected = Callable[[CloudError], bool]


def error_code_matcher(*names: str) -> Expected:
    """A function that returns True for errors with one of these codes."""
    return lambda error: error.code in names


def is_not_found(error: CloudError) -> bool:
    """Whether the error means that the resource does not exist, for example ``InvalidSnapshotId.NotFound``."""
    return error.code.endswith("NotFound")


def is_never_expected(_error: CloudError) -> bool:
    """Always False, because the caller expects no error."""
    return False


def call_service(clients: Clients, send: Callable[[Any], Any], *, expected: Expected = is_never_expected) -> Any:
    """Call ``send`` with the runtime options and return the answer's body.

    An error for which ``expected`` returns True is raised as a CloudError, for the caller to handle. Every other error is
    translated by ``sdk_errors`` and raised.
    """
    try:
        return repeat_call(
            clients.retry,
            lambda _number: send(clients.runtime_options()).body,
            _retry_decision_function(clients, expected),
            clients.sleep,
        )
    except Exception as error:
        failed = cloud_error_from_exception(error)
        if failed is None:
            raise
        if expected(failed):
            raise failed from None
        raise _translated_error(clients, failed) from error


def _retry_decision_function(clients: Clients, expected: Expected) -> Callable[[Exception], RetryHint | None]:
    def retry_decision(error: Exception) -> RetryHint | None:
        failed = cloud_error_from_exception(error)
        if failed is None or expected(failed):
            return None
        if clients.assumed is not None and clients.assumed.renew_expired_credentials(failed):
            return RetryHint()
        return RetryHint() if failed.is_worth_repeating else None

    return retry_decision


def _translated_error(clients: Clients, failed: CloudError) -> ReplankError:
    """The cloud's error, translated to an error class that the stages handle.

    If a member account refuses every call, the result is an error about the account.
    """
    return (clients.assumed.unusable_account_error(failed) if clients.assumed is not None else None) or translate_error(failed)


def cloud_error_from_exception(error: Exception) -> CloudError | None:
    """The cloud's error in an exception that an SDK raised; None for any other exception, which shows a bug."""
    from Tea.exceptions import RetryError, TeaException

    if isinstance(error, TeaException):
        data = error.data if isinstance(error.data, dict) else {}
        # The error body of ECS and SMC is in PascalCase, and the SDK adds statusCode. EventBridge answers in camelCase without
        # statusCode.
        message = data.get("Message") or data.get("message") or error.message or type(error).__name__
        request_id = data.get("RequestId") or data.get("requestId") or ""
        return CloudError(error.code or "", str(message), int(data.get("statusCode") or 0), str(request_id))
    if isinstance(error, RetryError):
        return CloudError("", str(error.message), 0)
    if type(error) is RuntimeError:  # the SDK raises this for a body that is not JSON, for example a gateway's error page
        return CloudError("", "The service answered with something that is not JSON.", 0)
    return None
