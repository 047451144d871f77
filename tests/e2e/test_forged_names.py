"""Every forged form of a name, through every door of the API: the answer is 401, or the name stays claimed, and nothing is done."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.invoke import invoke_function
from cli.signin.provider import OpenIdProvider
from localcloud.account import service
from localcloud.apigateway import ApiGateway
from tests.support.gateway import GatewayClient
from tests.support.signed import Signed
from tests.support.world import World
from tools.deployed.product import ROOT, URL

ISSUER = f"{URL}/oidc"
SETTINGS = {"REPLANK_OIDC_ISSUER": "{url}/oidc", "REPLANK_OIDC_AUDIENCE": "replank"}
OTHER = rsa.generate_private_key(65537, 2048)
HOLD, ME = ("POST", "/v1/hold"), ("GET", "/v1/me")
Json = dict[str, Any]
Form = Callable[[World, str], str]
Door = Callable[[World, str, str, dict[str, str]], tuple[int, Json]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with (
        World(env=SETTINGS, templates=(ROOT / "template.yml", ROOT / "gateway.yml")).connected() as connected,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REPLANK_FC_ENDPOINT", URL)
        yield connected


# Doors --------------------------------------------------------------------------------------------------------------


def body_of(method: str) -> Json | None:
    return {"why": "forged"} if method == "POST" else None


def through_the_trigger(world: World, method: str, path: str, headers: dict[str, str]) -> tuple[int, Json]:
    url = f"{URL}/http/replank-api{path}"
    if "Authorization" in headers:  # the trigger keeps this header for its own signature
        headers = {**headers, "X-Authorization": headers["Authorization"]}
    answer = requests.request(method, url, json=body_of(method), headers=headers, auth=Signed(world.cloud.owner), timeout=5)
    return answer.status_code, answer.json()


def through_the_gateway(world: World, method: str, path: str, headers: dict[str, str]) -> tuple[int, Json]:
    deployed: ApiGateway = service(world.cloud, "apigateway")
    (app,) = deployed.groups()[0].apps
    client = GatewayClient(f"{URL}/gateway/replank", app.key, app.secret, {name.lower(): value for name, value in headers.items()})
    answer = client.send(method, path, body_of(method))
    return answer.status_code, answer.json()


def event_of_a_trigger(method: str, path: str, headers: dict[str, str]) -> Json:
    claims = {"sub": "1001", "name": "root"}
    context = {"http": {"method": method, "path": path}, "authorizer": {"claims": claims, "jwt": {"claims": claims}}}
    return {"version": "v1", "rawPath": path, "headers": headers, "queryParameters": {}, "requestContext": context}


def event_of_a_gateway(method: str, path: str, headers: dict[str, str]) -> Json:
    claims = {"claims": {"sub": "1001", "name": "root"}, "authorizer": {"claims": {"sub": "1001"}}, "CaClaims": "root"}
    event = {"httpMethod": method, "path": path, "headers": headers, "queryParameters": {}, "pathParameters": {}}
    return {**event, **claims, "isBase64Encoded": "false"}


def invoked(shape: Callable[[str, str, dict[str, str]], Json]) -> Door:
    """Whoever may invoke the function sends an event of any shape."""

    def door(_: World, method: str, path: str, headers: dict[str, str]) -> tuple[int, Json]:
        given = body_of(method)
        event = {**shape(method, path, {**headers, "Content-Type": "application/json"}), "body": json.dumps(given) if given else ""}
        answer = invoke_function("api", json.dumps(event).encode())["result"]
        return int(answer["statusCode"]), json.loads(answer["body"])

    return door


DOORS: dict[str, Door] = {
    "HTTP trigger": through_the_trigger,
    "API Gateway": through_the_gateway,
    "an invocation shaped like the trigger's": invoked(event_of_a_trigger),
    "an invocation shaped like the gateway's": invoked(event_of_a_gateway),
}


# Forms --------------------------------------------------------------------------------------------------------------


def genuine(world: World) -> str:
    """A token of the local cloud's provider."""
    provider = OpenIdProvider(ISSUER, "replank")
    asked = provider.make_code_request("http://127.0.0.1:8400/callback", hint="root")
    answer = requests.get(asked.url, allow_redirects=False, timeout=5)
    return str(provider.redeem_code(asked, answer.headers["location"])["id_token"])


def b64(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).decode().rstrip("=")


def changed(token: str, **claims: Any) -> str:
    """The claims changed, the signature kept."""
    head, body, signature = token.split(".")
    document = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{b64(json.dumps({**document, **claims}).encode())}.{signature}"


def signed_by_another(_: World, token: str) -> str:
    """The same head and claims, signed with a key of the forger's."""
    document = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(document, OTHER, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def meant_for_others(**claims: Any) -> Form:
    """Signed by the provider itself, with other claims: only the claim is wrong."""

    def form(world: World, token: str) -> str:
        document = jwt.decode(token, options={"verify_signature": False})
        return str(service(world.cloud, "oidc").keys.sign({**document, **claims}))

    return form


def unsigned(_: World, token: str) -> str:
    return f"{b64(json.dumps({'alg': 'none'}).encode())}.{token.split('.')[1]}."


def keyed_with_the_public_key(_: World, token: str) -> str:
    """HS256, the provider's published key as the secret."""
    (published, *_) = requests.get(f"{ISSUER}/keys", timeout=5).json()["keys"]
    public = jwt.PyJWK(published).key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = b64(json.dumps({"alg": "HS256", "kid": published["kid"]}).encode())
    text = f"{head}.{token.split('.')[1]}"
    return f"{text}.{b64(hmac.new(public, text.encode(), hashlib.sha256).digest())}"


TOKENS: dict[str, tuple[Form, str]] = {
    "alg none": (unsigned, "Token.Invalid"),
    "HS256 with the public key": (keyed_with_the_public_key, "Token.Invalid"),
    "another key": (signed_by_another, "Token.Invalid"),
    "another issuer": (meant_for_others(iss="https://evil.test"), "Token.Invalid"),
    "another audience": (meant_for_others(aud="payroll"), "Token.Invalid"),
    "a beginning in the future": (meant_for_others(nbf=4_000_000_000), "Token.NotYet"),
    "another person under the true signature": (lambda _, token: changed(token, sub="1"), "Token.Invalid"),
    "a later end under the true signature": (lambda _, token: changed(token, exp=4_000_000_000), "Token.Invalid"),
    "no token at all": (lambda _, token: "x", "Token.Invalid"),
}
HEADERS: dict[str, dict[str, str]] = {
    "claims of a gateway": {"X-Ca-Claims": "root", "X-Jwt-Claims": '{"sub":"1001","name":"root"}'},
    "an identity of the platform": {"X-Acs-Caller-Identity": "root", "X-Acs-Principal": "root"},
    "a forwarded name": {"X-Forwarded-User": "root", "Remote-User": "root"},
    "a password": {"Authorization": "Basic cm9vdDpyb290"},
}


def lines(world: World) -> list[Json]:
    return list(json.loads(json.dumps(world.api.get("/audit")))["lines"])


@pytest.mark.parametrize("door", DOORS)
def test_the_genuine_token_is_let_in(world: World, door: str) -> None:
    status, body = DOORS[door](world, *ME, {"X-Replank-Token": genuine(world)})
    assert (status, body["trust"]) == (200, "verified")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("form", TOKENS)
def test_a_forged_token_is_refused(world: World, form: str, door: str) -> None:
    forged, code = TOKENS[form]
    headers = {"X-Replank-Token": forged(world, genuine(world)), "X-Replank-Operator": "root"}
    for asked in (HOLD, ME):
        status, body = DOORS[door](world, *asked, headers)
        assert (status, body["Code"]) == (401, code)
    assert world.api.get("/hold")["held"] is False


@pytest.mark.parametrize("door", DOORS)
def test_a_token_that_has_ended_is_refused(world: World, door: str) -> None:
    token = genuine(world)
    world.skip_ms(2 * 3_600_000)
    status, body = DOORS[door](world, *HOLD, {"X-Replank-Token": token})
    assert (status, body["Code"]) == (401, "Token.Expired")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("form", HEADERS)
def test_headers_and_shapes_prove_nothing(world: World, form: str, door: str) -> None:
    headers = {**HEADERS[form], "X-Replank-Operator": quote("张三")}
    status, body = DOORS[door](world, *HOLD, headers)
    assert (status, body["Code"]) == (401, "Caller.NotVerified")
    status, body = DOORS[door](world, *ME, headers)
    assert (body.get("trust"), body.get("name")) == ("claimed", "张三") or status == 401
    assert world.api.get("/hold")["held"] is False


def test_every_refusal_is_in_the_audit_with_its_door(world: World) -> None:
    for door in DOORS.values():
        door(world, *HOLD, {"X-Replank-Token": "x"})
    found = [line for line in lines(world) if line["act"] == "hold"]
    assert {line["status"] for line in found} == {401}
    assert {line["door"] for line in found} == {"trigger", "gateway"}
