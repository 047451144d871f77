"""The current settings as people see them: all settings, and no secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

from shared.domain.accounts import MemberAccount
from shared.runtime.settings import read_settings
from shared.runtime.shown_settings import setting_list
from tests.support.api import ApiInMemory

PLAIN = {"REPLANK_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1234567890123456"}


def shown(**variables: str) -> dict[str, tuple[str, bool]]:
    found = setting_list(read_settings({**PLAIN, **variables}))
    return {each.name: (each.value, each.is_default) for each in found.settings}


def test_what_is_not_set_is_the_default() -> None:
    assert {name for name, (_, is_default) in shown().items() if not is_default} == set()


def test_values_are_those_in_force() -> None:
    roles = [{"role": "approver", "who": ["ann"]}]
    found = shown(
        REPLANK_MAX_MOVING="7",
        REPLANK_REGIONS="cn-beijing, cn-hangzhou",
        REPLANK_SNAPSHOT_PRICE="0.12",
        REPLANK_ROLES=json.dumps(roles),
        REPLANK_NOTICE_POLICY='{"driver": "console", "maxMoving": 3, "failureBudget": 0}',
    )
    assert (found["REPLANK_MAX_MOVING"], found["REPLANK_REGIONS"]) == (("7", False), ("cn-beijing, cn-hangzhou", False))
    assert (found["REPLANK_SNAPSHOT_PRICE"], json.loads(found["REPLANK_ROLES"][0])) == (("0.12", False), roles)
    assert json.loads(found["REPLANK_NOTICE_POLICY"][0]) == {"driver": "console", "maxMoving": 3, "failureBudget": 0}


def test_no_secret_is_shown() -> None:
    settings = read_settings({**PLAIN, "REPLANK_SMC_IMPORT_LINUX": "curl password=hunter22 {token_id} {token_code}"})
    settings = replace(settings, accounts={"9": MemberAccount("9", "acs:ram::9:role/r", external_id="the-shared-secret")})
    found = {each.name: each.value for each in setting_list(settings).settings}
    assert (found["REPLANK_EXTERNAL_ID"], found["REPLANK_ACCOUNTS"]) == ("***", "acs:ram::9:role/r")
    assert not [value for value in found.values() if "hunter22" in value or "the-shared-secret" in value]


def test_the_api_answers_with_them() -> None:
    api = ApiInMemory(shown=cast(Any, read_settings(PLAIN)))
    status, found = api.call("GET", "/settings")
    assert (status, found["settings"][0]) == (200, {"name": "REPLANK_REGION", "value": "cn-hangzhou", "isDefault": True})
