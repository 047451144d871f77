"""The HTTP API does what its document says and nothing else: schemathesis draws requests from it, right ones and wrong ones.

The real function answers, behind the signed trigger of the local cloud, in this process. Every answer must have a status, a
content type and a body that the document gives for it; what the document allows must not be refused as wrong, what it forbids
must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import OperationConfig
from schemathesis.specs.openapi import checks

from cli.problem import Problem
from shared.runtime import openapi
from shared.runtime.requests import IF_MATCH
from shared.runtime.routes import ROUTES
from tests.simulation.simulation import prepared
from tests.support.fleets import fleet, instance
from tests.support.signed import Signed
from tests.support.state import digest
from tests.support.world import World
from tools.deployed.product import URL

BASE = f"{URL}/http/replank-api"
ACTS = ("confirmation", "retry", "cancellation", "rollback")
UNSAYABLE = frozenset(
    {
        "Token.Invalid",
        "Catalog.ReleaseUnknown",
        "Batch.DestinationOfOther",
        "Policy.Invalid",
        "Operator.Invalid",
        "Audit.DayInvalid",
        "Region.NotFound",
        "Account.NotFound",
        "Zone.NotFound",
        "Order.NeedsBatch",
        "Order.TooMany",
        "MissingRequiredHeader",
    }
)
"""Refused with 400 although the document's schema allows it: only the product's own data, or another field, can tell."""
MODERATE = settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
MANY = settings(MODERATE, max_examples=160)
"""Some 150 seconds of requests, in `make test-long`."""
FEW = settings(MODERATE, max_examples=10)
CHAINS = settings(MODERATE, max_examples=20, stateful_step_count=6)


HAVE_POLICIES = ("POST /v1/batches", "POST /v1/plans", "POST /v1/batches/{batchId}/policy")
"""A boundary case of each of their lists has up to 10,000 entries. To draw them all takes two minutes in each process that collects
this file."""


def described(*, security: bool = False) -> Any:
    """The API as schemathesis reads it from our document."""
    schema = schemathesis.openapi.from_dict(openapi.openapi_document(ROUTES, "x-replank-operator"))
    schema.config.generation.update(with_security_parameters=security)
    for name in HAVE_POLICIES:
        without = {"include-name": name, "phases": {"coverage": {"enabled": False}}}
        schema.config.operations.operations.append(OperationConfig.from_dict(without))
    # The trigger lets no other method through: what it says of them is not ours to say.
    schema.config.phases.coverage.unexpected_methods = {"get", "post"}
    schema.config.checks.missing_required_header.expected_statuses = ["400", "401", "403", "428"]
    return schema


plain, existing, unsigned, chained, longer = described(), described(), described(security=True), described(), described()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A moved batch of four, one of one, and one of four ready, four refused instances and an unknown one."""
    with prepared():
        world = World(env={"REPLANK_RETRY_PAUSE_MS": "0"})
        with world.connected():
            ids = [f"i-test{number:04d}" for number in range(1, 14)]
            running, stopped = [instance(number) for number in range(1, 10)], range(10, 14)
            world.load_fleet(fleet(*running, *[instance(number, Status="Stopped") for number in stopped]))
            risks = {"risksVersion": world.api.get("/risks")["version"]}
            for chosen in (ids[:4], ids[4:5]):
                batch = world.api.post("/batches", {"instanceIds": chosen})["batchId"]
                world.run(15)
                world.api.post(f"/batches/{batch}/acknowledgement", risks)
            world.run_until(lambda: list(world.states().values()) == ["migrated"] * 5, minutes=600, every=30)
            world.api.post("/batches", {"instanceIds": [*ids[5:], "i-nobody"]})
            world.run(30)
            assert sorted(world.states().values()) == ["migrated"] * 5 + ["precheck_failed"] * 4 + ["ready"] * 4
            yield world


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, list[str]]:
    """Ids that exist, by operation: each act has migrations of its own and a batch, so that none takes them from another."""
    found = sorted(world.migrations(), key=lambda each: each["instanceId"])
    of = {each["instanceId"]: each["batchId"] for each in found}
    moved, others = ([each["migrationId"] for each in part] for part in (found[:5], found[5:]))
    own = {act: [moved[place], *others[place :: len(ACTS)]] for place, act in enumerate(ACTS)}
    more = {"batch": sorted(set(of.values())), "batch confirmation": [of["i-test0005"]], "batch report": [of["i-test0001"]]}
    return {**own, **more, "migration": [*moved, *others]}


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """Nothing is written and nothing happens to an instance in this test."""
    before = digest(world.cloud)
    yield
    assert digest(world.cloud) == before


def check(case: Any, answer: Any, *, signed: bool = True) -> None:
    """The answer must be one that the document gives for the case."""
    spared = [checks.ignored_auth]
    if answer.status_code == 400 and answer.json()["Code"] == "MissingRequiredHeader":  # the trigger, before anything else
        spared += [checks.missing_required_header, checks.unsupported_method]
    elif signed and answer.status_code == 403:
        spared.append(checks.missing_required_header)
    made_up = answer.status_code == 412  # a version that the document allows and nobody saw
    made_up = made_up or (answer.status_code == 400 and "has no effect with" in answer.json()["Message"])
    made_up = made_up or (answer.status_code == 400 and "is not a day" in answer.json()["Message"])  # the 30th of February
    if made_up or (answer.status_code == 400 and answer.json()["Code"] in UNSAYABLE):
        spared.append(checks.positive_data_acceptance)
    # RFC 9110, 5.5: blanks around a field's value are no part of it, so such a value may be a right one.
    operator = next((str(value) for name, value in (case.headers or {}).items() if name.lower() == "x-replank-operator"), "")
    if operator != operator.strip(" \t"):
        spared.append(checks.negative_data_rejection)
    case.validate_response(answer, excluded_checks=spared)
    assert answer.status_code < 500


def an_id(case: Any, known: dict[str, list[str]]) -> str:
    """One that exists, chosen by what was drawn."""
    (name,) = case.path_parameters
    word = case.path.rpartition("/")[2]
    ids = known[next(each for each in (f"{name[:-2]} {word}", word, name[:-2]) if each in known)]
    return ids[drawn(case) % len(ids)]


def seen(case: Any, world: World, number: int | None = None) -> dict[str, str]:
    """The version of now, in every other case that names a version: the act is then on what was seen."""
    number = drawn(case) if number is None else number
    given = {name.lower(): value for name, value in (case.headers or {}).items()}.get("if-match", "")
    if not re.fullmatch(IF_MATCH["pattern"], str(given)) or not case.path_parameters or number % 4 < 2:
        return {}
    (id,) = case.path_parameters.values()
    about = case.path.partition("{")[0] + str(id)
    try:
        return {"If-Match": f'"{world.api.get(about)["version"]}"'}
    except Problem:
        return {}


def drawn(case: Any) -> int:
    """A number that is always the same for the same case."""
    return crc32(repr((case.path_parameters, case.query)).encode("utf-8", "replace"))


@plain.parametrize()
@MODERATE
def test_every_answer_is_as_described(case: Any, world: World) -> None:
    check(case, case.call(base_url=BASE, auth=Signed(world.cloud.owner)))


@pytest.mark.long
@longer.parametrize()
@MANY
def test_every_answer_is_as_described_for_minutes(case: Any, world: World) -> None:
    check(case, case.call(base_url=BASE, auth=Signed(world.cloud.owner)))


@existing.include(path_regex="{").parametrize()
@MODERATE
def test_so_is_every_answer_about_what_exists(case: Any, world: World, known: dict[str, list[str]]) -> None:
    kind = "text/html" if drawn(case) % 2 else "application/json"
    case.path_parameters.update({name: an_id(case, known) for name in case.path_parameters})
    check(case, case.call(base_url=BASE, auth=Signed(world.cloud.owner), headers={"Accept": kind, **seen(case, world)}))


@unsigned.parametrize()
@FEW
@pytest.mark.usefixtures("unchanged")
def test_nobody_is_let_in_without_a_right_signature(case: Any, world: World) -> None:
    """Neither without one, nor with one made up, nor with one of a wrong key."""
    owner = world.cloud.owner
    wrong = Signed(replace(owner, access_key_secret="wrong"))
    for auth in (None, wrong, Signed(replace(owner, access_key_id="nobody"))):
        answer = case.call(base_url=BASE, auth=auth)
        assert answer.status_code in ((401, 403) if auth else (400,))
        check(case, answer, signed=auth is not None)


def test_answers_lead_to_further_requests_that_are_answered_as_described(world: World) -> None:
    """Chains: ids that one answer gives are used in the next request."""
    followed: set[tuple[str, int]] = set()
    numbers = count()

    class Chain(chained.as_state_machine()):  # type: ignore[misc]
        def call(self, case: Any, **more: Any) -> Any:
            return case.call(base_url=BASE, auth=Signed(world.cloud.owner), headers=seen(case, world, next(numbers)))

        def validate_response(self, response: Any, case: Any, *rest: Any, **more: Any) -> None:
            check(case, response)
            if case.path_parameters:
                followed.add((case.method, response.status_code))

    Chain.run(settings=CHAINS)
    assert {("GET", 200), ("POST", 200)} <= followed
    assert {("POST", 409), ("POST", 412)} & followed, "an act on what cannot be done, or has moved, is among the chains"
