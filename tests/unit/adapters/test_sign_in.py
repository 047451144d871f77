"""Sign-in tokens: a valid token is accepted, and every forged form is refused."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.adapters.sign_in import OidcProvider, OidcTokenVerifier, is_safe_url
from shared.domain.caller import Trust
from shared.domain.errors import Refused, Transient
from tests.support.fakes import NOON, FakeClock

ISSUER, AUDIENCE = "https://id.test", "replank"
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
NOW = int(NOON.timestamp())
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "1001", "iat": NOW, "exp": NOW + 600, "name": "张三", "groups": ["sre", "leads"]}


def jwk(key: Any, key_id: str) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "alg": "RS256", "use": "sig"}


class Site:
    """The provider's published documents. It counts the requests."""

    def __init__(self) -> None:
        self.keys = [jwk(KEY, "k1")]
        self.about: dict[str, Any] = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        self.asked: list[str] = []
        self.down = False

    def get(self, url: str) -> bytes:
        self.asked.append(url)
        if self.down:
            raise OSError("no route")
        return json.dumps(self.about if url.endswith("configuration") else {"keys": self.keys}).encode()


def token(key: Any = KEY, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    given = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    return jwt.encode(given, key, algorithm=algorithm, headers={"kid": "k1", **(headers or {})})


def b64(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sign_in(site: Site, clock: FakeClock) -> OidcTokenVerifier:
    return OidcTokenVerifier(OidcProvider(ISSUER, (AUDIENCE,)), clock, site.get)


def test_a_good_token_says_who_it_is(sign_in: OidcTokenVerifier) -> None:
    found = sign_in.verify_token(token())
    assert (found.name, found.trust, found.issuer, found.subject) == ("张三", Trust.VERIFIED, ISSUER, "1001")
    assert found.claims["groups"] == ("sre", "leads")


def test_the_name_is_the_first_claim_that_can_be_shown(sign_in: OidcTokenVerifier) -> None:
    assert sign_in.verify_token(token(upn="zhang@corp.test")).name == "zhang@corp.test"
    assert sign_in.verify_token(token(upn="a\x1b[31m")).name == "张三"
    assert sign_in.verify_token(token(name=...)).name == "1001"
    assert sign_in.verify_token(token(name="100%25")).name == "100%25"


FORGED = {
    "alg none": f"{b64({'alg': 'none', 'typ': 'JWT'})}.{b64(CLAIMS)}.",
    "alg None with a signature": f"{b64({'alg': 'nOnE', 'kid': 'k1'})}.{b64(CLAIMS)}.c2ln",
    "another key under the known id": token(OTHER),
    "another key under its own id": token(OTHER, headers={"kid": "k9"}),
    "the key in the header itself": token(OTHER, headers={"kid": "k9", "jwk": jwk(OTHER, "k9")}),
    "another issuer": token(iss="https://evil.test"),
    "another audience": token(aud="payroll"),
    "several audiences, given to another": token(aud=[AUDIENCE, "payroll"], azp="payroll"),
    "expired": token(iat=NOW - 4000, exp=NOW - 61),
    "only later": token(nbf=NOW + 120),
    "made in the future": token(iat=NOW + 120),
    "without an end": token(exp=...),
    "without an audience": token(aud=...),
    "without a person": token(sub=...),
    "an end that is no number": token(exp="never"),
    "claims changed": ".".join([token().split(".")[0], b64({**CLAIMS, "sub": "1"}), token().split(".")[2]]),
    "nothing": "",
    "no token": "a.b.c",
    "too long": "a" * 9000,
    "another algorithm with the same key": token(algorithm="PS256"),
}


def hs_with_public_key() -> str:
    import hashlib
    import hmac

    signed = f"{b64({'alg': 'HS256', 'kid': 'k1', 'typ': 'JWT'})}.{b64(CLAIMS)}"
    mac = hmac.new(PUBLIC, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize("given", [*FORGED.values(), hs_with_public_key()], ids=[*FORGED, "HS256 with the public key"])
def test_every_forged_form_is_refused(sign_in: OidcTokenVerifier, given: str) -> None:
    with pytest.raises(Refused) as refused:
        sign_in.verify_token(given)
    assert refused.value.status == 401
    assert refused.value.code in ("Token.Invalid", "Token.Expired", "Token.NotYet")


def test_a_minute_of_difference_between_the_clocks_is_allowed(sign_in: OidcTokenVerifier) -> None:
    sign_in.verify_token(token(iat=NOW - 4000, exp=NOW - 59))
    sign_in.verify_token(token(iat=NOW + 59))


def test_keys_are_asked_for_once_and_again_when_they_rotate(sign_in: OidcTokenVerifier, site: Site, clock: FakeClock) -> None:
    for _ in range(3):
        sign_in.verify_token(token())
    assert len(site.asked) == 2
    site.keys = [jwk(OTHER, "k2")]
    clock.pass_time(seconds=11)
    sign_in.verify_token(token(OTHER, headers={"kid": "k2"}))
    with pytest.raises(Refused):
        sign_in.verify_token(token())


def test_unknown_keys_make_no_flood_of_questions(sign_in: OidcTokenVerifier, site: Site) -> None:
    sign_in.verify_token(token())
    for number in range(5):
        with pytest.raises(Refused):
            sign_in.verify_token(token(OTHER, headers={"kid": f"x{number}"}))
    assert len(site.asked) == 2


def test_a_withdrawn_key_counts_ten_minutes_at_most(sign_in: OidcTokenVerifier, site: Site, clock: FakeClock) -> None:
    sign_in.verify_token(token())
    site.keys = [jwk(OTHER, "k2")]
    clock.pass_time(minutes=10)
    with pytest.raises(Refused):
        sign_in.verify_token(token(exp=NOW + 7200))


def test_a_provider_that_is_down_is_no_fault_of_the_token(sign_in: OidcTokenVerifier, site: Site) -> None:
    site.down = True
    with pytest.raises(Transient):
        sign_in.verify_token(token())


@pytest.mark.parametrize("about", [{"issuer": "https://evil.test"}, {"jwks_uri": "http://evil.test/keys"}, {"jwks_uri": 7}])
def test_discovery_of_somebody_else_is_not_believed(sign_in: OidcTokenVerifier, site: Site, about: dict[str, Any]) -> None:
    site.about.update(about)
    with pytest.raises(Transient):
        sign_in.verify_token(token())


def test_elliptic_curves_work_too(sign_in: OidcTokenVerifier, site: Site) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    site.keys = [{**made, "kid": "e1", "alg": "ES256"}]
    assert sign_in.verify_token(token(key, "ES256", {"kid": "e1"})).subject == "1001"


def test_times_are_read_by_the_clock_of_the_ports(sign_in: OidcTokenVerifier, clock: FakeClock) -> None:
    clock.pass_time(seconds=timedelta(days=1650).total_seconds())
    with pytest.raises(Refused, match="expired"):
        sign_in.verify_token(token())


@pytest.mark.parametrize(
    ("url", "safe"), [("https://a", True), ("http://127.0.0.1:8", True), ("http://a", False), ("ftp://a", False), ("", False)]
)
def test_only_addresses_that_nobody_can_speak_for_are_safe(url: str, safe: bool) -> None:
    assert is_safe_url(url) is safe
