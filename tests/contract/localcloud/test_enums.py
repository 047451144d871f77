"""Values of filters: documented values are accepted, all others are refused, through the older clients' protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from localcloud.wire.enums import FILTERS
from tests.contract.localcloud.account_support import App, in_process_app
from tests.contract.localcloud.test_fuzz_rpc import ask

VERSIONS = {"ecs": "2014-05-26", "smc": "2019-06-01"}
CASES = [(service, operation, name) for (service, operation), names in FILTERS.items() for name in names]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with in_process_app(tmp_path_factory.mktemp("app")) as made:
        yield made


@pytest.mark.parametrize(("service", "operation", "name"), CASES)
def test_a_filter_takes_the_values_of_the_documents(app: App, service: str, operation: str, name: str) -> None:
    sent = {"RegionId": "cn-hangzhou"}
    if operation == "DescribeInvocationResults":
        sent["InvokeId"] = "t-none"
    for value in FILTERS[service, operation][name]:
        assert ask(app, VERSIONS[service], operation, {**sent, name: value}).status == 200
    for value in ("nonsense", FILTERS[service, operation][name][0].swapcase()):
        answer = ask(app, VERSIONS[service], operation, {**sent, name: value})
        assert (answer.status, json.loads(answer.body)["Code"]) == (400, f"Invalid{name}.ValueNotSupported")
