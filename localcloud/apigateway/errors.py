"""The errors that the gateway itself returns: the six-character codes that are published for instances of the VPC type.

Source: alibabacloud.com/help, "Error codes for API Gateway instances of the VPC type". An answer with the header X-Ca-Error-Code
comes from the gateway; an answer without that header comes from the function.
"""

from __future__ import annotations

from localcloud.core.errors import ApiError
from localcloud.core.http import Response

CODES: dict[str, tuple[int, str]] = {
    "I400HD": (400, "Invalid Header `{}`"),
    "I400MP": (400, "Parameter {} is required"),
    "I400I5": (400, "Invalid Content-MD5"),
    "I400NC": (400, "X-Ca-Nonce is required"),
    "I400SG": (400, "Invalid Stage"),
    "I404DO": (404, "Invalid Domain `{}`"),
    "I404NF": (404, "API not found"),
    "A400MA": (400, "Need authorization, `X-Ca-Key` or `Authorization: APPCODE ...` is required"),
    "A400AC": (400, "Invalid AppCode"),
    "A400IK": (400, "Invalid AppKey"),
    "A403IS": (403, "Invalid Signature, Server StringToSign:`{}`"),
    "I403AA": (403, "Unauthorized"),
    "S403TE": (403, "X-Ca-Timestamp is expired"),
    "S403NU": (403, "Nonce Used"),
    "T429PA": (429, "Throttled by API Flow Control, {}"),
    "A403FC": (403, "Function Compute does not let role {} invoke the function"),
    "D502FC": (502, "Function Compute response invalid: {}"),
    "D504TO": (504, "Backend service request timed out"),
}


def refusal(code: str, about: str = "") -> ApiError:
    """The error that belongs to a code."""
    status, words = CODES[code]
    return ApiError(code, words.format(about), status)


def answer(error: ApiError, request_id: str) -> Response:
    """The error as the gateway sends it. A header cannot hold line breaks, so each line break of the string to sign is sent
    as #.
    """
    message = error.message.replace("\n", "#").encode("ascii", "backslashreplace").decode()
    headers = {"X-Ca-Request-Id": request_id, "X-Ca-Error-Code": error.code, "X-Ca-Error-Message": message}
    return Response(error.status, headers, b"")
