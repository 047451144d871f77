"""The signature that an HTTP trigger of Function Compute asks for: ACS3 over method, path, query and ``x-acs-*`` headers.

Source: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/configure-signature-authentication-for-http-triggers. The body is
not signed there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """The function's role, as the platform lends it."""

    key_id: str
    secret: str
    token: str = ""


def authorization(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], role: Credentials) -> str:
    """The header Authorization; ``headers`` are all that are signed, in lower case."""
    names = sorted(headers)
    canonical = "\n".join(
        [
            method,
            path or "/",
            "&".join(f"{_encoded(name)}={_encoded(query[name])}" for name in sorted(query)),
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            "",
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = hmac.new(role.secret.encode(), f"{ALGORITHM}\n{digest}".encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={role.key_id},SignedHeaders={';'.join(names)},Signature={signed}"


def _encoded(text: str) -> str:
    return quote(text, safe="~")
