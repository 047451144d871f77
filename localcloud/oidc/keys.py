"""The provider's signing keys: created when first needed, rotated on request, stored in the state."""

from __future__ import annotations

import json
from typing import Any

from localcloud.core.app import Cloud

ALGORITHM = "RS256"


class Keys:
    """The current signing key and the published keys. After a rotation the previous key stays published until the next rotation."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims."""
        import jwt

        newest = self._all()[-1]
        return jwt.encode(claims, newest["pem"], algorithm=ALGORITHM, headers={"kid": newest["kid"]})

    def published(self) -> list[dict[str, Any]]:
        """The public keys in the form of a JWK set."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from jwt.algorithms import RSAAlgorithm

        found = []
        for each in self._all():
            public: Any = load_pem_private_key(each["pem"].encode(), None).public_key()
            found.append({**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": each["kid"], "alg": ALGORITHM, "use": "sig"})
        return found

    def rotate(self, *, withdraw: bool = False) -> None:
        """Sign with a new key from now on. ``withdraw`` stops publishing all other keys, which makes their tokens invalid."""
        kept = [] if withdraw else self._all()[-1:]
        self._keep([*kept, self._made()])

    def _all(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self._cloud.db.meta("oidc_keys", "[]"))
        if not found:
            found = [self._made()]
            self._keep(found)
        return found

    def _keep(self, keys: list[dict[str, str]]) -> None:
        self._cloud.db.set_meta("oidc_keys", json.dumps(keys))

    def _made(self) -> dict[str, str]:
        from cryptography.hazmat.primitives import serialization as text
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(text.Encoding.PEM, text.PrivateFormat.PKCS8, text.NoEncryption()).decode()
        return {"kid": f"key-{self._cloud.db.counter('oidc_key')}", "pem": pem}
