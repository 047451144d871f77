"""Function Compute's own signature, ``FC <AccessKeyId>:<HMAC-SHA256>``, over the dated and ``x-fc-*`` headers and the path.

Sources: the code of aliyun-fc2 2.5.2 (auth.py), compared with its requests; for errors,
alibabacloud.com/help/en/functioncompute/error-codes. Calls to HTTP triggers also sign the query parameters.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from localcloud.core.access_keys import Identities, Key
from localcloud.core.clock import wall_s
from localcloud.core.errors import ApiError
from localcloud.core.http import Request

MAX_SKEW_S = 900
SIGNATURE_MESSAGE = (
    "The request signature we calculated does not match the signature you provided. Check your access key and signing method"
)


def verify(request: Request, identities: Identities) -> Key:
    """The key pair that signed ``request``. Raises ApiError with Function Compute's codes."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    access_key_id, _, given = rest.partition(":")
    if scheme != "FC" or not given:
        raise ApiError("MissingRequiredHeader", "required HTTP header Authorization was not specified", 400)
    key = identities.find(access_key_id)
    if key is None:
        raise ApiError("InvalidAccessKeyID", f"invalid access key ID '{access_key_id}'", 403)
    expected = (_sign(request, key.access_key_secret, resource) for resource in resources(request))
    if not any(hmac.compare_digest(each.encode(), given.encode("utf-8", "replace")) for each in expected):
        raise ApiError("SignatureNotMatch", SIGNATURE_MESSAGE, 403)
    if request.headers.get("x-fc-security-token", "") != key.token:
        raise ApiError("InvalidSecurityToken", "The security token provided is invalid.", 403)
    if identities.is_over(key):
        raise ApiError("SecurityTokenExpired", "The security token provided has expired.", 403)
    _check_date(request.headers.get("date", ""))
    return key


def resources(request: Request) -> list[str]:
    """The possible forms of the signed resource: the decoded path alone (API calls), or with the query, one pair per line
    (triggers).
    """
    path = unquote(request.path)
    pairs = sorted(f"{name}={value}" for name, value in request.query)
    return [path, path + "\n" + "\n".join(pairs)]


def _sign(request: Request, secret: str, resource: str) -> str:
    headers = request.headers
    signed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-fc-"))
    dated = (headers.get(name, "") for name in ("content-md5", "content-type", "date"))
    text = "\n".join([request.method, *dated, signed + resource])
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _check_date(text: str) -> None:
    try:
        skew_s = abs(parsedate_to_datetime(text).timestamp() - wall_s())
    except (TypeError, ValueError) as error:
        raise ApiError("MissingRequiredHeader", "required HTTP header Date was not specified, or is malformed", 400) from error
    if skew_s > MAX_SKEW_S:
        raise ApiError("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403)
