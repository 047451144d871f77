"""The signature of calls to HTTP triggers with ``authType: function``: ACS3 over method, path, query and ``x-acs-*`` headers.

Source: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/configure-signature-authentication-for-http-triggers. This
signature covers no body, action or version. The older form ``FC id:signature`` is accepted too.
"""

from __future__ import annotations

import hmac
import re

from localcloud.core.access_keys import Identities, Key
from localcloud.core.errors import ApiError
from localcloud.core.http import Request
from localcloud.wire import acs3, fc_sign

_AUTHORIZATION = re.compile(rf"{acs3.ALGORITHM} Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{{64}})")


def verify(request: Request, identities: Identities) -> Key:
    """The key pair that signed ``request``. Raises ApiError with Function Compute's codes."""
    authorization = request.headers.get("authorization", "")
    if not authorization.startswith(acs3.ALGORITHM):
        return fc_sign.verify(request, identities)
    found = _AUTHORIZATION.fullmatch(authorization)
    signed = found[2].split(";") if found else []
    if found is None or "x-acs-date" not in signed:
        raise ApiError(
            "MissingRequiredHeader", "required HTTP header Authorization was not specified, or x-acs-date is not signed", 400
        )
    key = identities.find(found[1])
    if key is None:
        raise ApiError("InvalidAccessKeyID", f"invalid access key ID '{found[1]}'", 403)
    acs3.check_date(request.headers.get("x-acs-date", ""), "%Y-%m-%dT%H:%M:%SZ")
    if not hmac.compare_digest(acs3.hmac_sha256(key.access_key_secret, acs3.string_to_sign(request, signed)), found[3]):
        raise ApiError("SignatureNotMatch", fc_sign.SIGNATURE_MESSAGE, 403)
    if request.headers.get("x-acs-security-token", "") != key.token:
        raise ApiError("InvalidSecurityToken", "The security token provided is invalid.", 403)
    if identities.is_over(key):
        raise ApiError("SecurityTokenExpired", "The security token provided has expired.", 403)
    return key
