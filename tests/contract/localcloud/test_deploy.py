"""The deployment files: what is built from them, and how mistakes are reported."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import yaml

from localcloud import account
from localcloud.core.hooks import offered
from localcloud.deploy import document
from localcloud.deploy.document import DeployError
from localcloud.deploy.plan import make
from tests.contract.localcloud.account_support import App, in_process_app
from tests.support.repository import ROOT
from tools.deployed.application import BUS, ROLE, SERVICES, TEMPLATE, write_application


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with in_process_app(tmp_path) as made:
        yield made


def problems(folder: Path, template: str = TEMPLATE, services: str = SERVICES, **options: str) -> list[str]:
    """The problems of changed files, without the folder's path."""
    files = write_application(folder)
    files.template.write_text(template)
    files.services.write_text(services)
    with pytest.raises(DeployError) as caught:
        make(files.template, files.services, **options)  # type: ignore[arg-type]
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_account_is_what_the_files_say(app: App) -> None:
    table = account.service(app.cloud, "tablestore")._store.table("replank", "things")
    assert [column.name for column in table.key] == ["id"]
    assert [index.name for index in table.indexes] == ["things_by_state"]
    arn = "acs:eventbridge:cn-hangzhou:1234567890123456:eventbus/replank"
    assert app.cloud.policies.allows(f"role:{ROLE}", "eventbridge:PutEvents", arn)
    assert not app.cloud.policies.allows(f"role:{ROLE}", "eventbridge:PutEvents", arn.replace("replank", "default"))
    function = app.fc.functions.need("app-echo")
    assert (function.timeout_s, function.role, function.initializer) == (1, ROLE, "index.initialize")
    assert (function.async_policy.max_retries, function.async_policy.max_age_s) == (2, 3600)
    assert app.fc.functions.need("app-dead").timeout_s == 3


@pytest.mark.parametrize("name", ["template.yml", "s.yaml"])
def test_both_parsers_read_the_same(name: str) -> None:
    fast = document.load(ROOT / name)
    with mock.patch.object(document, "_Fast", yaml.SafeLoader):
        assert document.load(ROOT / name) == fast


@pytest.mark.parametrize("text", ["a: " + "[" * 100_000, "- " * 100_000, "[\n" * 100_000, "a: " + "[" * 900 + "]" * 900])
def test_a_file_that_is_nested_too_deep_is_a_mistake(tmp_path: Path, text: str) -> None:
    file = tmp_path / "template.yml"
    file.write_text(text)
    with pytest.raises(DeployError, match="nested deeper than 64 levels"):
        document.load(file).need_sound()


def test_variables_come_from_the_caller_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_application(tmp_path)
    monkeypatch.setenv("GREETING", "from outside")
    plan = make(files.template, files.services, env={"REPLANK_EVENTBRIDGE_ENDPOINT": "http://here"})
    assert plan.functions[0].environment == {"ENDPOINT": "http://here", "GREETING": "hello"}


def test_deploying_twice_keeps_keys_and_drops_what_is_gone(app: App) -> None:
    key = app.cloud.identities.of(f"role:{ROLE}")
    text = app.files.services.read_text()
    app.files.services.write_text(text.replace("app-dead", "app-other"))
    app.deploy()
    assert app.cloud.identities.of(f"role:{ROLE}") == key
    assert [function.name for function in app.fc.functions.all()] == ["app-echo", "app-other"]


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("TableName: things", "TableNam: things", "Table.Properties.TableNam", "unknown key"),
        ("Type: STRING}]\n      Columns", "Type: TEXT}]\n      Columns", "Table.Properties.PrimaryKey.0.Type", "must be one of"),
        ("!GetAtt Instance.InstanceName", "!GetAtt Instanz.InstanceName", "Table.Properties.InstanceName", "neither a parameter"),
        ("!GetAtt Instance.InstanceName", "!GetAtt Instance.Endpoint", "Table.Properties.InstanceName", "has no attribute"),
        ("PrimaryKeys: [state, id]", "PrimaryKeys: [stat, id]", "Table.Properties.SecondaryIndices.0", "uses the column stat"),
        ("EventBusName: !Ref Bus", "EventBusName: !Ref Buss", "Rule.Properties.EventBusName", "refers to Buss"),
        (
            "functions/app-echo'\n          Push",
            "functions/app-ech'\n          Push",
            "Rule.Properties.Targets.0.Endpoint",
            "names no function",
        ),
        ("[{prefix: 'app:'}]", "[{prefx: 'app:'}]", "Rule.Properties.FilterPattern", "unknown operator"),
        ("BACKOFF_RETRY", "RETRY", "Rule.Properties.Targets.0.PushRetryStrategy", "must be one of"),
        ("RoleName: app-echo", "RoleName: app-echos", "", "app-echo is no role"),
        ("DependsOn: Instance", "DependsOn: Other", "Table.DependsOn", "refers to Other"),
        ("ALIYUN::OTS::Instance\n", "ALIYUN::OTS::Instanz\n", "Instance.Type", "must be one of"),
        ("Resource: ['*']", "Resource: '*'", "Statement.1.Resource", "must be a list"),
        ("{Effect: Allow, Action: 'fc:I", "{NotAction: x, Effect: Allow, Action: 'fc:I", "NotAction", "is not emulated"),
        (
            "{Effect: Allow, Action: 'fc:I",
            "{Condition: {IpAddress: {'acs:SourceIp': x}}, Effect: Allow, Action: 'fc:I",
            "Condition",
            "the operator IpAddress is not emulated",
        ),
        (
            "{Effect: Allow, Action: 'fc:I",
            "{Condition: {StringEquals: {'acs:SourceIp': x}}, Effect: Allow, Action: 'fc:I",
            "Condition",
            "the key acs:SourceIp is not emulated",
        ),
    ],
)
def test_mistakes_in_the_template(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    assert old in TEMPLATE
    found = [each for each in problems(tmp_path, template=TEMPLATE.replace(old, new, 1)) if where in each and what in each]
    assert found
    if where:
        assert found[0].startswith("template.yml:")


def test_a_mistake_is_named_by_its_line(tmp_path: Path) -> None:
    text = TEMPLATE.replace("RuleName: to-echo", "RuleNames: to-echo")
    found = problems(tmp_path, template=text)
    assert any(
        each.startswith(f"template.yml:{line_of(text, 'RuleNames')}: Resources.Rule.Properties.RuleNames: unknown")
        for each in found
    )


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("timeout: 1\n", "timeot: 1\n", "echo.props.timeot", "unknown key"),
        ("timeout: 1\n", "timeout: '1'\n", "echo.props.timeout", "whole number"),
        ("${vars.region}\n    runtime", "${vars.regio}\n    runtime", "region", "vars.regio is not defined"),
        ("python3.10", "python3.11", "runtime", "must be one of"),
        ("'@every 1m'", "'@every 1x'", "", ""),
        ("authType: function", "authType: nobody", "triggerConfig.authType", "must be one of"),
        ("./build/echo.zip\n      timeout", "./build/none.zip\n      timeout", "echo.props.code", "exists"),
        ("functions/app-dead", "functions/app-ded", "asyncInvokeConfig", "names no function"),
        ("env('GREETING', 'hello')", "env('GREETING')", "GREETING", "is not set"),
        ("functionName: app-dead", "functionName: app-echo", "functionName", "second function"),
        ("access: default", "access: ${env('ALIAS', 'default')}", "access", "without variables"),
        ("triggerType: timer", "triggerType: oss", "triggerType", "must be one of"),
    ],
)
def test_mistakes_in_the_services(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    text = SERVICES.replace('"@every 1m"', "'@every 1m'")
    assert old in text
    found = problems(tmp_path, services=text.replace(old, new, 1))
    assert any(where in each and what in each and each.startswith("s.yaml:") for each in found)


EVENTS = """        - triggerName: events
          triggerType: eventbridge
          triggerConfig:
            triggerEnable: true
            asyncInvocationType: true
            eventRuleFilterPattern: '{"source": ["acs.ecs"]}'
            eventSourceConfig: {eventSourceType: Default}
"""


def test_eventbridge_triggers_are_rules_on_the_default_bus_and_go_with_the_file(tmp_path: Path) -> None:
    with in_process_app(tmp_path) as app:
        app.files.services.write_text(SERVICES + EVENTS)
        app.deploy()
        for source in ("acs.ecs", "acs.oss"):
            offered(app.cloud.hooks.emit_event)({"id": source, "source": source, "type": "t", "specversion": "1.0", "data": {}})
        app.settle()
        assert [json.loads(run.result)["event"]["id"] for run in app.invocations("app-dead")] == ["acs.ecs"]
        app.files.services.write_text(SERVICES)
        app.deploy()
        rules = account.service(app.cloud, "eventbridge").store
        assert ([rule.name for rule in rules.rules("default")], [rule.name for rule in rules.rules(BUS)]) == ([], ["to-echo"])


def test_mistakes_in_an_eventbridge_trigger(tmp_path: Path) -> None:
    for number, (old, new, what) in enumerate(
        (
            ('["acs.ecs"]', '[{"prefx": "acs"}]', "unknown operator"),
            ("Default}", "RocketMQ}", "must be one of Default"),
            ("triggerEnable", "triggerEnabel", "unknown key"),
        )
    ):
        (tmp_path / str(number)).mkdir()
        found = problems(tmp_path / str(number), services=SERVICES + EVENTS.replace(old, new))
        assert any(what in each and each.startswith("s.yaml:") for each in found), found


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "no YAML" in problems(tmp_path, template="a: [")[0]
    (tmp_path / "other").mkdir()
    assert "twice" in problems(tmp_path / "other", template=TEMPLATE + "\nResources: {}\n")[0]
    with pytest.raises(DeployError, match="cannot be read"):
        make(tmp_path / "none.yml", tmp_path / "none.yaml")


def test_zip_mode_needs_the_zip(tmp_path: Path) -> None:
    assert "build it first" in problems(tmp_path, code_mode="zip")[0]


@pytest.mark.parametrize(("good", "said"), [(False, "is no zip"), (True, "no python3.10 is on this machine")])
def test_zip_mode_names_what_is_no_zip_and_what_cannot_run_here(tmp_path: Path, good: bool, said: str) -> None:
    (tmp_path / "build").mkdir()
    with zipfile.ZipFile(tmp_path / "build" / "echo.zip", "w") as archive:
        archive.writestr("index.py", "")
    if not good:
        (tmp_path / "build" / "echo.zip").write_text("no zip")
    with mock.patch("localcloud.deploy.services._interpreter", return_value=None):
        assert said in problems(tmp_path, code_mode="zip")[0]
