"""The signature ACS3-HMAC-SHA256 of RPC and ROA services, checked byte for byte as the service does.

Dates and nonces are checked by the machine's time, even if the cloud's clock is virtual, because the SDKs use the machine's time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
import time
from collections import OrderedDict
from urllib.parse import quote

from localcloud.core.access_keys import Identities, Key
from localcloud.core.clock import seconds_of, wall_s
from localcloud.core.errors import ApiError
from localcloud.core.http import Request

ALGORITHM = "ACS3-HMAC-SHA256"
SKEW_S = 900
_AUTHORIZATION = re.compile(rf"{ALGORITHM} Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{{64}})")
_UNQUOTED = frozenset(string.ascii_letters + string.digits + "_.-~")
_MUST_BE_SIGNED = ("host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256")


class Nonces:
    """The nonces of all requests whose date is still accepted. A nonce works once per access key."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def use(self, access_key_id: str, nonce: str) -> bool:
        """Record a nonce. Returns False if it was used before."""
        now = time.time()
        while self._seen and next(iter(self._seen.values())) < now - 2 * SKEW_S:
            self._seen.popitem(last=False)
        if (access_key_id, nonce) in self._seen:
            return False
        self._seen[access_key_id, nonce] = now
        return True


def verify(request: Request, identities: Identities, nonces: Nonces | None = None) -> Key:
    """Verify the signature. Returns the signer's key; raises ApiError with the codes of the real services.

    The checks run in the services' order: form, key, date, body, signature, token, nonce.
    """
    access_key_id, signed, signature = _authorization(request)
    key = find_key(identities, access_key_id)
    check_date(_header(request, "x-acs-date"), "%Y-%m-%dT%H:%M:%SZ")
    content = hashlib.sha256(request.body).hexdigest()
    if _header(request, "x-acs-content-sha256") != content:
        raise ApiError("InvalidContentSha256", "x-acs-content-sha256 is not the digest of the body.", 400)
    text = string_to_sign(request, signed)
    if not hmac.compare_digest(hmac_sha256(key.access_key_secret, text), signature):
        raise ApiError(
            "SignatureDoesNotMatch",
            f"Specified signature is not matched with our calculation. server string to sign is:{text}",
            400,
        )
    check_token(key, request.headers.get("x-acs-security-token", ""))
    check_not_over(identities, key)
    check_nonce(nonces, access_key_id, _header(request, "x-acs-signature-nonce"))
    return key


def string_to_sign(request: Request, signed: list[str]) -> str:
    """The string that is signed: the algorithm and the digest of the canonical request."""
    pairs = sorted((name, value) for name, value in request.query)
    query = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    content = request.headers.get("x-acs-content-sha256", "")
    canonical = "\n".join((request.method, request.path or "/", query, headers, ";".join(signed), content))
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def quoted(text: str) -> str:
    """The same as ``quote(text, safe="~")``, but faster for a long text: each distinct character is quoted once."""
    odd = set(text) - _UNQUOTED
    if "%" in odd:
        text = text.replace("%", "%25")
    for each in odd - {"%"}:
        text = text.replace(each, quote(each, safe="~"))
    return text


def hmac_sha256(secret: str, text: str) -> str:
    """The signature of a string to sign, in hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def find_key(identities: Identities, access_key_id: str) -> Key:
    """The key pair of an id. Raises InvalidAccessKeyId.NotFound."""
    key = identities.find(access_key_id)
    if key is None:
        raise ApiError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    return key


def check_date(text: str, form: str) -> None:
    """Check that a date (UTC, ``form`` of strptime) is at most fifteen minutes from now, by the machine's clock."""
    try:
        stamp = seconds_of(text, form)
    except ValueError:
        raise ApiError("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.", 400) from None
    if abs(wall_s() - stamp) > SKEW_S:
        raise ApiError("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400)


def check_token(key: Key, token: str) -> None:
    """Check the security token: temporary credentials need theirs, other keys must have none."""
    if key.token and not token:
        raise ApiError("MissingSecurityToken", "SecurityToken is mandatory for this action.", 400)
    if token != key.token:
        raise ApiError("InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.", 400)


def check_not_over(identities: Identities, key: Key) -> None:
    """Check that temporary credentials have not expired."""
    if identities.is_over(key):
        raise ApiError("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.", 400)


def check_nonce(nonces: Nonces | None, access_key_id: str, nonce: str) -> None:
    """Check that a nonce was not used before. It is remembered as long as its date is accepted."""
    if nonces is not None and not nonces.use(access_key_id, nonce):
        raise ApiError("SignatureNonceUsed", "Specified signature nonce was used already.", 400)


def _authorization(request: Request) -> tuple[str, list[str], str]:
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found:
        raise ApiError("IncompleteSignature", "The request signature does not conform to Aliyun standards.", 400)
    signed = found.group(2).split(";")
    missing = [name for name in _MUST_BE_SIGNED if name not in signed]
    if missing or signed != sorted(signed):
        raise ApiError("IncompleteSignature", f"SignedHeaders must be in order and hold {', '.join(missing) or 'each once'}.", 400)
    return found.group(1), signed, found.group(3)


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    if not value:
        raise ApiError("MissingParameter", f"The header {name} is mandatory for this action.", 400)
    return value
