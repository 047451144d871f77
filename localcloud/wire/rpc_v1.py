"""The RPC signature before ACS3 (SignatureVersion 1.0), which older SDKs and command lines still send.

Everything is sent as parameters, in the query or a form body: the operation, the key, the time and the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from localcloud.core.access_keys import Identities, Key
from localcloud.core.errors import ApiError
from localcloud.core.http import Request
from localcloud.wire import acs3
from localcloud.wire.rpc import missing

COMMON = frozenset(
    (
        "Action",
        "Version",
        "Format",
        "AccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "SignatureNonce",
        "SignatureType",
        "Timestamp",
        "SecurityToken",
    )
)
"""Parameters that belong to the call, not to the operation."""
_DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


def verify(method: str, params: Mapping[str, str], identities: Identities, nonces: acs3.Nonces | None = None) -> Key:
    """Verify the signature. Returns the signer's key; raises ApiError with the codes of the real services."""
    for name in ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp"):
        if not params.get(name):
            raise missing(name)
    digest = _DIGESTS.get(params["SignatureMethod"].upper())
    if digest is None or params["SignatureVersion"] != "1.0":
        raise ApiError("InvalidParameter", "The signature's method or version is not supported.", 400)
    key = acs3.find_key(identities, params["AccessKeyId"])
    acs3.check_date(params["Timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    text = string_to_sign(method, params)
    made = hmac.new(f"{key.access_key_secret}&".encode(), text.encode(), digest).digest()
    if not hmac.compare_digest(base64.b64encode(made).decode(), params["Signature"]):
        message = f"Specified signature is not matched with our calculation. server string to sign is:{text}"
        raise ApiError("SignatureDoesNotMatch", message, 400)
    acs3.check_token(key, params.get("SecurityToken", ""))
    acs3.check_not_over(identities, key)
    acs3.check_nonce(nonces, params["AccessKeyId"], params["SignatureNonce"])
    return key


def string_to_sign(method: str, params: Mapping[str, str]) -> str:
    """The string to sign: the method and all parameters except the signature, sorted by name."""
    pairs = sorted((name, value) for name, value in params.items() if name != "Signature")
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
    return f"{method}&%2F&{quote(query, safe='~')}"


def signed_so(request: Request) -> bool:
    """Whether a request has this kind of signature: no Authorization header, and a key among the parameters."""
    return "authorization" not in request.headers and "AccessKeyId" in plain(request)


def plain(request: Request) -> dict[str, str]:
    """All parameters of a request, from the query and a form body. If a name is repeated, its last value counts."""
    return dict(request.query + form(request))


def form(request: Request) -> list[tuple[str, str]]:
    """The decoded pairs of a form body; empty for any other body."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return []
    try:
        return Request("POST", "?" + request.body.decode("ascii"), {}).query
    except UnicodeDecodeError:
        raise ApiError("InvalidParameter", "The body is not a form.", 400) from None
