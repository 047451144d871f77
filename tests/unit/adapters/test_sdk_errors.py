"""How the cloud's errors are translated: by code and status, never by their text."""

from __future__ import annotations

import pytest
from Tea.exceptions import RetryError, TeaException, UnretryableException

from shared.adapters.sdk_call import cloud_error_from_exception
from shared.adapters.sdk_errors import PERMANENT, REFUSED, TRANSIENT, CloudError, translate_error
from shared.domain.errors import MessageFate


@pytest.mark.parametrize(
    ("code", "status", "fate", "ours"),
    [
        ("Throttling", 400, MessageFate.TRANSIENT, "Throttling"),
        ("Throttling.User", 400, MessageFate.TRANSIENT, "Throttling.User"),
        ("Throttling.Api", 403, MessageFate.TRANSIENT, "Throttling.Api"),
        ("ServiceUnavailable", 400, MessageFate.TRANSIENT, "ServiceUnavailable"),
        ("InternalError", 500, MessageFate.TRANSIENT, "InternalError"),
        ("", 0, MessageFate.TRANSIENT, "Cloud.NoAnswer"),
        ("IncorrectDiskStatus.CreatingSnapshot", 403, MessageFate.TRANSIENT, "IncorrectDiskStatus.CreatingSnapshot"),
        ("InvalidInstanceId.NotFound", 404, MessageFate.REFUSED, "Instance.NotFound"),
        ("Forbidden.RAM", 403, MessageFate.PERMANENT, "Forbidden.RAM"),
        ("Forbidden.Unauthorized", 403, MessageFate.PERMANENT, "Forbidden.Unauthorized"),
        ("TooManyRequests", 0, MessageFate.TRANSIENT, "TooManyRequests"),
        ("AccessDenied", 0, MessageFate.PERMANENT, "AccessDenied"),
        ("NoPermission", 403, MessageFate.PERMANENT, "NoPermission"),
        ("InvalidOsMigrationType.NotMatched", 400, MessageFate.PERMANENT, "InvalidOsMigrationType.NotMatched"),
        ("Never.HeardOf", 400, MessageFate.PERMANENT, "Never.HeardOf"),
    ],
)
def test_codes_have_fates(code: str, status: int, fate: MessageFate, ours: str) -> None:
    error = translate_error(CloudError(code, "Throttling is only mentioned here.", status, "R-1"))
    assert (error.fate, error.code) == (fate, ours)
    assert "R-1" in error.message
    assert error.remedy


def test_no_code_has_two_meanings() -> None:
    known = [*TRANSIENT, *REFUSED, *PERMANENT]
    assert len(set(known)) == len(known)
    with pytest.raises(TypeError):
        TRANSIENT["x"] = "y"  # type: ignore[index]


def test_exceptions_of_the_sdks() -> None:
    data = {"Code": "X", "Message": "words", "RequestId": "R", "statusCode": 404}
    found = cloud_error_from_exception(TeaException({"code": "X", "message": "code: 404, words request id: R", "data": data}))
    assert found is not None
    assert (found.code, found.message, found.status, found.request_id) == ("X", "words", 404, "R")
    bus = cloud_error_from_exception(
        TeaException({"code": "Y", "message": "m", "data": {"code": "Y", "message": "m", "requestId": "R2"}})
    )
    assert bus is not None
    assert (bus.code, bus.status, bus.request_id) == ("Y", 0, "R2")
    lost = cloud_error_from_exception(UnretryableException(None, RetryError("connection reset")))
    assert lost is not None
    assert lost.is_worth_repeating
    page = cloud_error_from_exception(RuntimeError("<html>"))
    assert page is not None
    assert page.is_worth_repeating
    assert cloud_error_from_exception(KeyError("bug")) is None
    assert cloud_error_from_exception(RecursionError()) is None
