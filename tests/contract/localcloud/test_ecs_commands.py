"""Cloud Assistant: scripts that really run, their limits, and what happens if a script cannot run."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alibabacloud_ecs20140526 import models as ecs

from localcloud.ecs.store import Store
from tests.contract.localcloud.ecs_support import CENTOS, INSTANCES, REGION, WINDOWS, Account, account, refused


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def test_a_script_runs_in_the_guest(cloud: Account) -> None:
    result, output = cloud.run(CENTOS, 'uname -r; hostname; cat "$GUEST_ROOT/etc/redhat-release"; echo error >&2')
    assert output == "3.10.0-1160.119.1.el7.x86_64\nweb1\nCentOS Linux release 7.9.2009 (Core)\nerror\n"
    assert (result.invocation_status, result.exit_code, result.error_code) == ("Success", 0, "")
    assert result.start_time < result.finished_time


def test_its_end_is_an_event_with_the_commands_name(cloud: Account) -> None:
    """The event has the fields of the public sample, all of them texts."""
    good, _ = cloud.run(CENTOS, "true", name="replank-precheck-m1")
    bad, _ = cloud.run(CENTOS, "exit 3")
    told = [event for event in cloud.events if event["type"] == "ecs:CloudAssistant:TaskCompleted"]
    assert [event["data"]["invokeId"] for event in told] == [good.invoke_id, bad.invoke_id]
    assert [event["data"]["invocationStatus"] for event in told] == ["Success", "Failed"]
    assert [event["data"]["exitCode"] for event in told] == ["0", "3"]
    assert (told[0]["data"]["commandName"], told[0]["data"]["instanceId"]) == ("replank-precheck-m1", CENTOS)
    assert all(isinstance(value, str) for event in told for value in event["data"].values())


def test_an_exit_status_is_a_failure(cloud: Account) -> None:
    result, _ = cloud.run(CENTOS, "exit 3")
    assert (result.invocation_status, result.exit_code, result.error_code) == ("Failed", 3, "ExitCodeNonzero")


def test_it_is_pending_until_its_time_has_passed(cloud: Account) -> None:
    invoke = cloud.begin(CENTOS, "sleep 45")
    assert cloud.result(invoke).invocation_status == "Pending"
    cloud.pass_minutes(0.3)
    assert (cloud.result(invoke).invocation_status, cloud.result(invoke).output) == ("Running", "")
    cloud.pass_minutes(1)
    assert cloud.result(invoke).invocation_status == "Success"


def test_too_long_is_a_timeout(cloud: Account) -> None:
    result, output = cloud.run(CENTOS, "echo begun; sleep 100; echo ended", timeout=60)
    assert (result.invocation_status, result.error_code, output) == ("Timeout", "ExecutionTimeout", "begun\n")


def test_of_a_long_output_the_end_is_kept(cloud: Account) -> None:
    result, output = cloud.run(CENTOS, "seq 1 10000")
    assert len(output) == 24 * 1024
    assert output.endswith("9999\n10000\n")
    assert result.dropped == 48894 - 24 * 1024


def test_parameters_are_filled_in(cloud: Account) -> None:
    _, output = cloud.run(CENTOS, "echo {{ Name }} {{ACS::InstanceId}}", enable_parameter=True, parameters={"name": "x y"})
    assert output == f"x y {CENTOS}\n"
    _, output = cloud.run(CENTOS, "echo '{{name}}'")
    assert output == "{{name}}\n"
    with refused("InvalidParameter.Parameters"):
        cloud.begin(CENTOS, "echo {{other}}", enable_parameter=True, parameters={"name": "x"})


def test_plain_text_is_taken_as_it_is(cloud: Account) -> None:
    request = ecs.RunCommandRequest(region_id=REGION, instance_id=[CENTOS], type="RunShellScript", command_content="echo 'a+b & c'")
    invoke = cloud.ecs.run_command(request).body.invoke_id
    cloud.pass_minutes(1)
    asked = ecs.DescribeInvocationsRequest(region_id=REGION, invoke_id=invoke, include_output=True, content_encoding="PlainText")
    (invocation,) = cloud.ecs.describe_invocations(asked).body.invocations.invocation
    assert invocation.invocation_status == "Finished"
    assert invocation.invoke_instances.invoke_instance[0].output == "a+b & c\n"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "RunPythonScript"}, "InvalidParameter.Type"),
        ({"timeout": 5}, "InvalidParameter.Timeout"),
        ({"instance_id": []}, "MissingParameter"),
        ({"instance_id": ["i-none"]}, "InvalidInstance.NotFound"),
        ({"type": "RunBatScript"}, "InvalidInstance.NotMatch"),
        ({"command_content": "%%%"}, "CmdContent.DecodeError"),
        ({"command_content": "A" * 24580}, "CmdContent.ExceedLimit"),
    ],
)
def test_wrong_commands_are_refused(cloud: Account, fields: dict[str, object], code: str) -> None:
    good = {"type": "RunShellScript", "instance_id": [CENTOS], "command_content": base64.b64encode(b"true").decode()}
    with refused(code):
        cloud.ecs.run_command(ecs.RunCommandRequest(region_id=REGION, content_encoding="Base64", **{**good, **fields}))


def test_a_stopped_instance_runs_nothing(cloud: Account) -> None:
    cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(2)
    result, _ = cloud.run(CENTOS, "true")
    assert (result.invocation_status, result.error_code) == ("Aborted", "InstanceNotRunning")


def test_a_silent_agent_runs_nothing(cloud: Account) -> None:
    cloud.load(INSTANCES[:1], {CENTOS: {"heartbeat_age_s": 7200}})
    result, _ = cloud.run(CENTOS, "true")
    assert (result.invocation_status, result.error_code) == ("Aborted", "ClientNotRunning")
    status = assistant(cloud)
    assert status.cloud_assistant_status == "false"
    assert status.last_heartbeat_time == "2026-11-23T06:00:00Z"


def assistant(
    cloud: Account,
) -> ecs.DescribeCloudAssistantStatusResponseBodyInstanceCloudAssistantStatusSetInstanceCloudAssistantStatus:
    asked = ecs.DescribeCloudAssistantStatusRequest(region_id=REGION, instance_id=[CENTOS])
    answer = cloud.ecs.describe_cloud_assistant_status(asked).body
    return answer.instance_cloud_assistant_status_set.instance_cloud_assistant_status[0]


def test_the_agent_is_silent_over_a_restart(cloud: Account) -> None:
    assert assistant(cloud).cloud_assistant_status == "true"
    before = cloud.run(CENTOS, 'cat "$GUEST_ROOT/proc/sys/kernel/random/boot_id"')[1]
    cloud.ecs.reboot_instance(ecs.RebootInstanceRequest(instance_id=CENTOS))
    last = assistant(cloud).last_heartbeat_time
    cloud.pass_minutes(0.2)
    assert assistant(cloud).last_heartbeat_time == last
    cloud.pass_minutes(6)
    assert assistant(cloud).last_heartbeat_time > last
    assert cloud.run(CENTOS, 'cat "$GUEST_ROOT/proc/sys/kernel/random/boot_id"')[1] != before


def test_an_invocation_can_be_stopped(cloud: Account) -> None:
    invoke = cloud.begin(CENTOS, "sleep 50")
    cloud.ecs.stop_invocation(ecs.StopInvocationRequest(region_id=REGION, invoke_id=invoke))
    cloud.pass_minutes(2)
    assert cloud.result(invoke).invocation_status == "Cancelled"
    invoke = cloud.begin(CENTOS, "sleep 50")
    cloud.pass_minutes(0.2)
    cloud.ecs.stop_invocation(ecs.StopInvocationRequest(region_id=REGION, invoke_id=invoke))
    cloud.pass_minutes(2)
    assert cloud.result(invoke).invocation_status == "Terminated"


def test_one_call_runs_on_many_instances(cloud: Account) -> None:
    cloud.load([{"InstanceId": f"i-{n}", "HostName": f"h{n}"} for n in range(3)])
    content = base64.b64encode(b"hostname; [ $(hostname) != h1 ]").decode()
    ids = [f"i-{n}" for n in range(3)]
    request = ecs.RunCommandRequest(
        region_id=REGION, instance_id=ids, type="RunShellScript", content_encoding="Base64", command_content=content
    )
    invoke = cloud.ecs.run_command(request).body.invoke_id
    cloud.pass_minutes(1)
    asked = ecs.DescribeInvocationResultsRequest(region_id=REGION, invoke_id=invoke, max_results=10)
    rows = cloud.ecs.describe_invocation_results(asked).body.invocation.invocation_results.invocation_result
    shown = {row.instance_id: (base64.b64decode(row.output).decode(), row.invocation_status) for row in rows}
    assert shown == {"i-0": ("h0\n", "Success"), "i-1": ("h1\n", "Failed"), "i-2": ("h2\n", "Success")}
    (whole,) = cloud.ecs.describe_invocations(
        ecs.DescribeInvocationsRequest(region_id=REGION, invoke_id=invoke)
    ).body.invocations.invocation
    assert whole.invocation_status == "PartialFailed"


def test_what_a_script_writes_stays(cloud: Account) -> None:
    change = "echo kept >etc/mark; chmod 600 etc/mark; systemctl stop crond; rm data/db/rows"
    cloud.run(CENTOS, f'cd "$GUEST_ROOT"; {change}')
    look = "cat etc/mark; stat -c %a etc/mark; systemctl is-active crond; [ -e data/db/rows ] || echo gone"
    _, output = cloud.run(CENTOS, f'cd "$GUEST_ROOT"; {look}')
    assert output == "kept\n600\ninactive\ngone\n"


def test_windows_tells_its_facts(cloud: Account) -> None:
    _, output = cloud.run(WINDOWS, "Get-Whatever\n'@end of it'\n")
    text, _, end = output.strip().rpartition("\n")
    facts = json.loads(text)
    assert facts["os"]["caption"] == "Microsoft Windows Server 2008 R2 Enterprise"
    assert (facts["volumes"][0]["drive"], facts["pending_reboot"], end) == ("C:", False, "@end of it")


def test_a_command_cut_off_by_a_crash_runs_again(tmp_path: Path) -> None:
    with account(tmp_path) as first:
        first.load()
        invoke = first.begin(CENTOS, "echo done")
        first.cloud.step()
        job = first.cloud.scheduler.due(first.cloud.clock.now_ms())[0]
        with first.cloud.db.transaction():
            assert first.cloud.scheduler.take(job)
    with account(tmp_path) as second:
        second.pass_minutes(1)
        assert second.result(invoke).invocation_status == "Success"
        assert base64.b64decode(second.result(invoke).output) == b"done\n"


def test_a_script_kept_in_its_result_still_runs(tmp_path: Path) -> None:
    with account(tmp_path) as earlier:
        earlier.load()
        invoke = earlier.begin(CENTOS, "echo new")
        store = Store(earlier.cloud.db)
        result = store.get("result", f"{invoke}:{CENTOS}")
        assert result is not None
        del result["sim"]["content"]
        result["sim"]["script"] = "echo old"
        store.put("result", f"{invoke}:{CENTOS}", result)
    with account(tmp_path) as later:
        later.pass_minutes(1)
        assert base64.b64decode(later.result(invoke).output) == b"old\n"


def test_the_newest_records_are_kept_and_no_others(cloud: Account) -> None:
    cloud.load(command_records=3)
    invokes = []
    for number in range(5):
        invokes.append(cloud.begin(CENTOS, f"echo {number}"))
        cloud.pass_minutes(2)
    for invoke in invokes[:2]:
        assert listed(cloud, invoke_id=invoke) == listed(cloud, invoke_id="t-never-run") == []
        assert invocations(cloud, invoke_id=invoke) == []
    pages = [listed(cloud, instance_id=CENTOS, page_size=2, page_number=number) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert sorted(pages[0] + pages[1]) == sorted(invokes[2:]) == sorted(invocations(cloud))


def test_a_record_is_gone_after_thirty_days(cloud: Account) -> None:
    invoke = cloud.begin(CENTOS, "echo old")
    cloud.pass_minutes(15 * 24 * 60)
    young = cloud.begin(CENTOS, "echo young")
    cloud.pass_minutes(15 * 24 * 60 - 1)
    assert sorted(listed(cloud, instance_id=CENTOS)) == sorted([invoke, young])
    cloud.pass_minutes(1.1)
    assert listed(cloud, instance_id=CENTOS) == [young]
    assert listed(cloud, invoke_id=invoke) == []


def test_a_command_that_has_not_ended_is_not_forgotten(cloud: Account) -> None:
    cloud.load(command_records=1)
    slow = cloud.begin(CENTOS, "sleep 600; echo ended", timeout=900)
    cloud.pass_minutes(1)
    for _ in range(3):
        cloud.run(WINDOWS, "hostname")
    assert cloud.result(slow).invocation_status == "Running"
    cloud.pass_minutes(15)
    assert cloud.result(slow).invocation_status == "Success"


def listed(cloud: Account, **filters: object) -> list[str]:
    """The invocations that have results."""
    answer = cloud.ecs.describe_invocation_results(ecs.DescribeInvocationResultsRequest(region_id=REGION, **filters))
    return [str(each.invoke_id) for each in answer.body.invocation.invocation_results.invocation_result]


def invocations(cloud: Account, **filters: object) -> list[str]:
    """The invocations that are listed."""
    answer = cloud.ecs.describe_invocations(ecs.DescribeInvocationsRequest(region_id=REGION, **filters))
    return [str(each.invoke_id) for each in answer.body.invocations.invocation]
