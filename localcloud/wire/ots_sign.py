"""Tablestore's signatures: V2 (HMAC-SHA1 with the secret) and V4 (HMAC-SHA256 with a key derived from date and region).

Source: tablestore SDK 6.4.8, auth.py. In both versions answers are signed with HMAC-SHA1 and the request's key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode

PREFIX = "x-ots-"
SIGNATURE, SIGNATURE_V4 = "x-ots-signature", "x-ots-signaturev4"
SIGN_DATE, SIGN_REGION = "x-ots-signdate", "x-ots-signregion"
_SALT = "ots"


def content_md5(body: bytes) -> str:
    """The value of x-ots-contentmd5 for a body."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def request_signature(target: str, headers: Mapping[str, str], secret: str) -> str:
    """The signature that a request with these headers must have (V4 if they name a signing date). Header names are in lower
    case.
    """
    path, _, query = target.partition("?")
    signed = {name: value for name, value in headers.items() if name.startswith(PREFIX) and name not in (SIGNATURE, SIGNATURE_V4)}
    text = f"{path}\nPOST\n{urlencode(sorted(parse_qsl(query)))}\n{_header_lines(signed)}\n"
    if SIGN_DATE in headers:
        return _hmac(signing_key(headers, secret), text + _SALT, "sha256")
    return _hmac(secret.encode(), text, "sha1")


def signing_key(headers: Mapping[str, str], secret: str) -> bytes:
    """The key that signs a request and its answer."""
    if SIGN_DATE not in headers:
        return secret.encode()
    return _derived_key(secret, headers[SIGN_DATE], headers.get(SIGN_REGION, ""))


def response_authorization(path: str, headers: Mapping[str, str], access_key_id: str, key: bytes) -> str:
    """The Authorization header of an answer to ``path``; ``headers`` are the answer's x-ots-* headers."""
    return f"OTS {access_key_id}:{_hmac(key, _header_lines(headers) + chr(10) + path, 'sha1')}"


def _header_lines(headers: Mapping[str, str]) -> str:
    return "\n".join(sorted(f"{name}:{value.strip()}" for name, value in headers.items()))


def _hmac(key: bytes, text: str, digest: str) -> str:
    return base64.b64encode(hmac.digest(key, text.encode(), digest)).decode()


@lru_cache(maxsize=256)
def _derived_key(secret: str, date: str, region: str) -> bytes:
    key = b"aliyun_v4" + secret.encode()
    for word in (date, region, "ots", "aliyun_v4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return base64.b64encode(key)
