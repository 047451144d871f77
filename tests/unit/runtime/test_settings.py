"""Settings: defaults, and one error that lists everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.domain.catalog import CATALOG
from shared.domain.errors import Permanent
from shared.domain.window import Window
from shared.runtime.composition import FUNCTIONS, function_credentials
from shared.runtime.settings import read_settings
from tests.support.repository import ROOT

LEAST = {"REPLANK_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1"}


def test_a_region_and_an_account_are_enough() -> None:
    settings = read_settings(LEAST)
    assert (settings.regions, settings.bus, settings.max_moving, settings.clock) == (("cn-hangzhou",), "replank", 20, "system")
    assert settings.smc.target_values == {}
    assert read_settings({"FC_REGION": "cn-beijing", "FC_ACCOUNT_ID": "1", "REPLANK_REGIONS": " "}).regions == ("cn-beijing",)


def test_everything_can_be_set() -> None:
    settings = read_settings(
        {
            **LEAST,
            "REPLANK_REGIONS": "cn-hangzhou, cn-beijing,,cn-hangzhou",
            "REPLANK_MAX_MOVING": "7",
            "REPLANK_SMC_IMPORT_LINUX": "import {token_id} {token_code}",
            "REPLANK_SMC_TARGET_PARAMETER": "TargetOsType",
            "REPLANK_SMC_TARGET_VALUES": '{"alinux-3": "3"}',
            "REPLANK_SNAPSHOT_PRICE": "0.12",
            "REPLANK_OPERATOR_HEADER": "X-User",
            "REPLANK_CLOCK": "env:NOW",
            "REPLANK_NOTICE_SOURCES": "acme.lifecycle, acs.health",
            "REPLANK_NOTICE_POLICY": '{"driver": "console", "window": {"start": "22:00", "end": "04:00"}}',
        }
    )
    assert settings.regions == ("cn-hangzhou", "cn-beijing")
    assert (settings.max_moving, settings.snapshot_price, settings.operator_header) == (7, 0.12, "x-user")
    assert settings.notice_sources == ("acme.lifecycle", "acs.health")
    assert (settings.notice_policy.driver, settings.notice_policy.window) == ("console", Window("22:00", "04:00", cutoff_min=30))
    assert (settings.smc.target_parameter, settings.smc.target_values) == ("TargetOsType", {"alinux-3": "3"})


def test_one_error_names_all_that_is_wrong() -> None:
    wrong = {
        "REPLANK_MAX_MOVING": "0",
        "REPLANK_SMC_IMPORT_LINUX": "import me",
        "REPLANK_SMC_TARGET_PARAMETER": "Elsewhere.Name",
        "REPLANK_SMC_TARGET_VALUES": '{"alinux-3": 3}',
        "REPLANK_SNAPSHOT_PRICE": "nan",
        "REPLANK_CLOCK": "sundial",
        "REPLANK_RETRY_PAUSE_MS": "-1",
        "REPLANK_LOG_LEVEL": "loud",
        "REPLANK_NOTICE_POLICY": '{"check": "id"}',
    }
    with pytest.raises(Permanent) as caught:
        read_settings(wrong)
    assert caught.value.code == "Settings.Invalid"
    assert all(name in caught.value.message for name in (*wrong, "REPLANK_REGION", "FC_ACCOUNT_ID"))


OWN_ROW = {"defaults": {"centos-7": "anolis-8"}}


def test_member_accounts_are_read_and_a_bad_entry_is_named() -> None:
    account = "1000000000000001"
    arn = f"acs:ram::{account}:role/replank-member"
    found = read_settings({**LEAST, "REPLANK_ACCOUNTS": arn, "REPLANK_EXTERNAL_ID": "word-1"})
    assert {each: (member.role_arn, member.external_id) for each, member in found.accounts.items()} == {account: (arn, "word-1")}
    assert read_settings(LEAST).accounts == {}
    for given, own, said in (
        ("acs:ram::7:role/r", "1", "acs:ram::7:role/r"),
        (arn, account, f"'{account}' is the deployment's own"),
    ):
        with pytest.raises(Permanent, match="REPLANK_ACCOUNTS") as caught:
            read_settings({**LEAST, "FC_ACCOUNT_ID": own, "REPLANK_ACCOUNTS": given})
        assert said in caught.value.message


def test_rows_of_the_operators_own_lie_over_the_catalog(tmp_path: Path) -> None:
    assert read_settings(LEAST).catalog is CATALOG
    assert read_settings({**LEAST, "REPLANK_CATALOG": json.dumps(OWN_ROW)}).catalog.defaults["centos-7"] == "anolis-8"
    (tmp_path / "rows.json").write_text(json.dumps(OWN_ROW), encoding="utf-8")
    assert read_settings({**LEAST, "REPLANK_CATALOG": str(tmp_path / "rows.json")}).catalog.defaults["centos-7"] == "anolis-8"


def test_the_rows_that_the_documents_show_can_be_used() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("### Your own catalog rows")[2]
    shown = text[text.index("    {") : text.index("}\n\n") + 1]
    assert "house-7" in read_settings({**LEAST, "REPLANK_CATALOG": shown.strip()}).catalog.releases


def test_the_clock_of_the_functions_dates_the_operators_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOW", "2031-05-06T23:00:00Z")
    rows = {"lifecycle": [{"product": "centos-7", "support_end": "2032-01-31", "source": "ticket 42"}]}
    catalog = read_settings({**LEAST, "REPLANK_CLOCK": "env:NOW", "REPLANK_CATALOG": json.dumps(rows)}).catalog
    assert catalog.lifecycle["centos-7"].source.on.isoformat() == "2031-05-06"


@pytest.mark.parametrize("given", ["{", "shared/none.json", '{"defaults": {"centos-7": "plan-9"}}', '{"rows": []}'])
def test_rows_that_cannot_be_used_are_named(given: str) -> None:
    with pytest.raises(Permanent, match="REPLANK_CATALOG"):
        read_settings({**LEAST, "REPLANK_CATALOG": given})


def test_credentials_come_from_the_environment_or_the_context() -> None:
    class Given:
        access_key_id, access_key_secret, security_token = "LTAI", "secret", "token"

    class Context:
        credentials = Given

    class Bare:
        credentials = None

    environment = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s", "ALIBABA_CLOUD_SECURITY_TOKEN": "t"}
    assert function_credentials(environment, Context).key_id == "id"
    found = function_credentials({}, Context)
    assert (found.key_id, found.secret, found.token) == ("LTAI", "secret", "token")
    assert "secret" not in repr(found)
    for nothing in (Bare, object()):
        with pytest.raises(Permanent) as caught:
            function_credentials({}, nothing)
        assert caught.value.code == "Credentials.Missing"


def test_there_is_a_folder_per_function() -> None:
    import importlib

    for name in FUNCTIONS:
        index = importlib.import_module(f"functions.{name}.index")
        assert callable(index.handler)
        assert callable(index.initialize)
