"""Cloud Assistant: commands that the account keeps, and the parameters that are pasted into them as text.

Limits and error codes come from the pages of CreateCommand, InvokeCommand and DeleteCommand and from the SDK's request models. That
a value is pasted once is assumed, and also the code for too many parameters.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from Tea.exceptions import TeaException

from tests.contract.localcloud.ecs_support import CENTOS, REGION, WINDOWS, Account, account, refused


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def create(cloud: Account, script: str, **more: Any) -> str:
    """CreateCommand of a shell script. Returns the command's id."""
    content = base64.b64encode(script.encode()).decode()
    fields = {"name": "kept", "type": "RunShellScript", "command_content": content, "content_encoding": "Base64", **more}
    return str(cloud.ecs.create_command(ecs.CreateCommandRequest(region_id=REGION, **fields)).body.command_id)


def begin(cloud: Account, command: str, instance: str = CENTOS, **more: Any) -> str:
    """InvokeCommand. Returns the invocation's id."""
    request = ecs.InvokeCommandRequest(region_id=REGION, command_id=command, instance_id=[instance], **more)
    return str(cloud.ecs.invoke_command(request).body.invoke_id)


def invoke(cloud: Account, command: str, **more: Any) -> str:
    """InvokeCommand, and the output once the command has ended."""
    invocation = begin(cloud, command, **more)
    cloud.pass_minutes(3)
    return base64.b64decode(cloud.result(invocation).output).decode()


def listed(cloud: Account, **filters: Any) -> list[Any]:
    answer = cloud.ecs.describe_commands(ecs.DescribeCommandsRequest(region_id=REGION, **filters)).body
    return list(answer.commands.command)


def test_a_kept_command_runs_by_its_id(cloud: Account) -> None:
    command = create(cloud, "hostname", name="replank-precheck-x", timeout=90)
    invocation = begin(cloud, command)
    cloud.pass_minutes(3)
    result = cloud.result(invocation)
    assert (result.command_id, result.invocation_status, base64.b64decode(result.output)) == (command, "Success", b"web1\n")
    (told,) = [event["data"] for event in cloud.events if event["type"] == "ecs:CloudAssistant:TaskCompleted"]
    assert (told["commandId"], told["commandName"], told["invokeId"]) == (command, "replank-precheck-x", invocation)
    assert [each.invoke_times for each in listed(cloud)] == [1]


def test_it_is_listed_with_its_content_and_the_names_of_its_parameters(cloud: Account) -> None:
    command = create(
        cloud, "echo {{ One }} {{two}} {{one}} {{ACS::InstanceId}}", enable_parameter=True, description="d", timeout=90
    )
    (row,) = listed(cloud, command_id=command)
    assert base64.b64decode(row.command_content) == b"echo {{ One }} {{two}} {{one}} {{ACS::InstanceId}}"
    assert row.parameter_names.parameter_name == ["One", "two"]
    assert (row.name, row.description, row.type, row.timeout, row.enable_parameter) == ("kept", "d", "RunShellScript", 90, True)
    (plain,) = listed(cloud, content_encoding="PlainText")
    assert plain.command_content.startswith("echo {{ One }}")


def test_names_may_be_given_twice_and_searched_by_their_beginning(cloud: Account) -> None:
    first, second, other = (create(cloud, "true", name=name) for name in ("replank-a", "replank-a", "other"))
    assert first != second
    assert {each.command_id for each in listed(cloud, name="replank-a")} == {first, second}
    assert {each.command_id for each in listed(cloud, name="replank-*")} == {first, second}
    assert listed(cloud, name="replank") == []
    assert len(listed(cloud, max_results=2)) == 2
    assert {each.command_id for each in listed(cloud, type="RunShellScript")} == {first, second, other}


def test_a_deleted_command_runs_no_more_and_what_began_ends(cloud: Account) -> None:
    command = create(cloud, "sleep 20; echo ended")
    invocation = begin(cloud, command)
    cloud.ecs.delete_command(ecs.DeleteCommandRequest(region_id=REGION, command_id=command))
    cloud.pass_minutes(3)
    assert base64.b64decode(cloud.result(invocation).output) == b"ended\n"
    assert listed(cloud) == []
    with refused("InvalidCmdId.NotFound"):
        begin(cloud, command)
    with refused("InvalidCmdId.NotFound"):
        cloud.ecs.delete_command(ecs.DeleteCommandRequest(region_id=REGION, command_id=command))


def test_a_repeated_token_starts_nothing(cloud: Account) -> None:
    command = create(cloud, "echo {{x}}", enable_parameter=True)
    first = begin(cloud, command, parameters={"x": "1"}, client_token="t1")
    assert begin(cloud, command, parameters={"x": "1"}, client_token="t1") == first
    with refused("IdempotentParameterMismatch"):
        begin(cloud, command, parameters={"x": "2"}, client_token="t1")
    assert [each.invoke_times for each in listed(cloud)] == [1]


PASTED = [
    ("plain", "one"),
    ("a single quote ends the literal", "a'; echo out; echo 'b"),
    ("a substitution in double quotes runs", "$(echo ran)"),
    ("a line end begins a command", "a\necho next"),
    ("braces are not read again", "{{other}}"),
    ("built-in braces are not read again", "{{ACS::InstanceId}}"),
    ("a backslash stays", "a\\nb\\1"),
]


@pytest.mark.parametrize("value", [value for _, value in PASTED], ids=[name for name, _ in PASTED])
def test_a_parameter_is_pasted_exactly_as_text(cloud: Account, value: str) -> None:
    """The script shows itself, so that the shell changes nothing."""
    shown = "cat <<'end-of-text'\n[{{value}}] [{{other}}]\nend-of-text\n"
    command = create(cloud, shown, enable_parameter=True)
    assert invoke(cloud, command, parameters={"VALUE": value}) == f"[{value}] []\n"


def test_pasted_text_is_read_by_the_shell(cloud: Account) -> None:
    """This is why nothing but ids, enumerations and base64 may be a parameter."""
    command = create(cloud, "echo '{{value}}'\n", enable_parameter=True)
    assert invoke(cloud, command, parameters={"value": "a'; hostname; echo 'b"}) == "a\nweb1\nb\n"


def test_without_parameters_braces_stay_text(cloud: Account) -> None:
    command = create(cloud, "echo '{{value}} {{}} {{a b}}'")
    assert invoke(cloud, command) == "{{value}} {{}} {{a b}}\n"
    with refused("Parameter.Disabled"):
        begin(cloud, command, parameters={"value": "1"})


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"b": "1"}, "Parameter.NotMatched"),
        ({"a": "1", "A": "2"}, "ParameterKey.Duplicate"),
        ({f"p{n}": "1" for n in range(11)}, "ParameterCount.ExceedLimit"),
        ({"a" * 65: "1"}, "ParameterKey.ExceedLimit"),
        ({"a": "x" * 14_000}, "CmdContent.ExceedLimit"),
    ],
)
def test_wrong_parameters_are_refused(cloud: Account, parameters: dict[str, str], code: str) -> None:
    command = create(cloud, "echo {{a}}", enable_parameter=True)
    with refused(code):
        begin(cloud, command, parameters=parameters)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "RunPythonScript"}, "InvalidCmdType.NotFound"),
        ({"name": "n" * 129}, "CmdName.ExceedLimit"),
        ({"description": "d" * 513}, "CmdDesc.ExceedLimit"),
        ({"command_content": "%%%"}, "CmdContent.DecodeError"),
        ({"command_content": "A" * (18 * 1024 + 4)}, "CmdContent.ExceedLimit"),
        ({"timeout": 5}, "InvalidParameter.Timeout"),
        ({"script": "{{ }}"}, "CmdParam.EmptyKey"),
        ({"script": "{{a b}}"}, "CmdParam.InvalidParamName"),
        ({"script": "{{%s}}" % ("a" * 65)}, "CmdParamName.ExceedLimit"),
        ({"script": "".join(f"{{{{p{n}}}}}" for n in range(21))}, "CmdParamCount.ExceedLimit"),
    ],
)
def test_wrong_commands_are_refused(cloud: Account, fields: dict[str, Any], code: str) -> None:
    more = {name: value for name, value in fields.items() if name != "script"}
    with refused(code):
        create(cloud, str(fields.get("script", "true")), enable_parameter=True, **more)
    assert listed(cloud) == []


def test_the_longest_command_fits(cloud: Account) -> None:
    command = create(cloud, "#" * (18 * 1024 * 3 // 4))
    assert invoke(cloud, command) == ""


def test_an_account_keeps_a_limited_number(cloud: Account) -> None:
    cloud.load(kept_commands=2)
    for _ in range(2):
        create(cloud, "true")
    with refused("CmdCount.ExceedQuota"):
        create(cloud, "true")


def test_the_instance_must_fit_the_command(cloud: Account) -> None:
    command = create(cloud, "true")
    with refused("InvalidInstance.NotMatch"):
        begin(cloud, command, WINDOWS)
    with refused("InvalidInstance.NotFound"):
        begin(cloud, command, "i-none")
    with pytest.raises(TeaException, match="InstanceId"):
        cloud.ecs.invoke_command(ecs.InvokeCommandRequest(region_id=REGION, command_id=command))


def test_the_time_limit_of_one_invocation_replaces_the_commands(cloud: Account) -> None:
    command = create(cloud, "echo begun; sleep 100; echo ended", timeout=600)
    assert invoke(cloud, command, timeout=60) == "begun\n"
    assert invoke(cloud, command) == "begun\nended\n"
