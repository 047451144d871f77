"""Signs requests to the API's HTTP trigger, for any path and query, as an authentication object of ``requests``."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests.auth

from localcloud.core.access_keys import Key
from localcloud.core.http import Request
from localcloud.wire import acs3
from tests.support.signing_time import signing_time

_SIGNED = "x-acs-date"


class Signed(requests.auth.AuthBase):
    """ACS3 over method, path, query and the date, with ``key``."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(str(request.url))
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        date = signing_time()
        to_sign = acs3.string_to_sign(Request(str(request.method), target, {_SIGNED: date}), [_SIGNED])
        signature = acs3.hmac_sha256(self._key.access_key_secret, to_sign)
        request.headers[_SIGNED] = date
        request.headers["authorization"] = (
            f"{acs3.ALGORITHM} Credential={self._key.access_key_id},SignedHeaders={_SIGNED},Signature={signature}"
        )
        return request
