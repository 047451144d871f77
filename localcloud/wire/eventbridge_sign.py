"""EventBridge's request signature: HMAC-SHA1 over the request line, the dated headers and every ``x-acs-*`` header.

Source: the code of alibabacloud-eventbridge-util 0.0.3 (get_string_to_sign), compared with requests of alibabacloud-eventbridge
1.3.8.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime

from localcloud.core.access_keys import Identities, Key
from localcloud.core.clock import wall_s
from localcloud.core.errors import ApiError
from localcloud.core.http import Request

MAX_SKEW_S = 900


def verify(request: Request, identities: Identities) -> Key:
    """The key pair that signed ``request``. Raises ApiError 403 if the signature, the token or the date is invalid."""
    scheme, _, rest = request.headers.get("authorization", "").partition(":")
    access_key_id, _, given = rest.partition(":")
    if scheme != "acs" or not given:
        raise ApiError("MissingAuthorization", "The Authorization header must read acs:<AccessKeyId>:<Signature>.", 403)
    key = identities.find(access_key_id)
    if key is None:
        raise ApiError("InvalidAccessKeyId", "The access Id you provided is not exist.", 403)
    if not hmac.compare_digest(signature(request, key.access_key_secret).encode(), given.encode("utf-8", "replace")):
        raise ApiError(
            "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", 403
        )
    if request.headers.get("x-acs-security-token", "") != key.token:
        raise ApiError("SecurityTokenInvalid", "The Security token that your provide is invalid.", 403)
    if identities.is_over(key):
        raise ApiError("SecurityTokenExpired", "The security token you provided has expired.", 403)
    _check_date(request.headers.get("date", ""))
    return key


def signature(request: Request, secret: str) -> str:
    """The base64 HMAC-SHA1 that the SDK computes for ``request``."""
    headers = request.headers
    dated = (headers.get(name, "") for name in ("content-md5", "content-type", "date"))
    head = "".join(f"{part}\n" for part in (request.method, *dated))
    signed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-acs"))
    query = "&".join(f"{name}={value}" for name, value in sorted(request.query))
    resource = request.path + (f"?{query}" if query else "")
    digest = hmac.new(secret.encode(), (head + signed + resource).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _check_date(text: str) -> None:
    try:
        skew_s = abs(parsedate_to_datetime(text).timestamp() - wall_s())
    except (TypeError, ValueError) as error:
        raise ApiError("InvalidDate", "The Date header is missing or malformed.", 400) from error
    if skew_s > MAX_SKEW_S:
        raise ApiError("RequestExpired", f"The Date header is off by more than {MAX_SKEW_S} seconds.", 403)
