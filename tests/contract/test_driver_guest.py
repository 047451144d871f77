"""The guest driver against guests whose tools really run: the sequence, its endings, and the effects of a crash or a duplicate."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from localcloud.account import service
from localcloud.ecs.detached import RESUME
from localcloud.ecs.guest.blob import unpack
from shared.domain.catalog import CATALOG
from shared.domain.errors import Permanent, Transient
from shared.domain.hop import Hop
from shared.domain.migration import Migration, State
from shared.domain.recipes.choose import recipe_for_path, shipped_recipes
from shared.domain.toolrun import tool_run_id
from shared.domain.waiting import reason_to_wait
from shared.ports.driver import NOBODY, Driver, JobPhase, JobReport
from shared.probes.tool import Action, tool_script
from tests.support.drivers import moving
from tests.support.fleets import CENTOS_7, CENTOS_8, RHEL_8, RHEL_9, fleet, instance
from tests.support.ports import Bench, bench
from tests.unit.domain import samples

PROVEN = ",".join(each.key for each in shipped_recipes())
LEAPP, C2R = Hop("rhel-8", "rhel-9"), Hop("centos-7", "rhel-7")
TOOLS = {
    "i-test0002": "inhibit=Use of an unsupported network driver\n",
    "i-test0003": "fail=upgrade\n",
    "i-test0004": "fail=restart\n",
    "i-test0005": "network=no\n",
    "i-test0006": "disk=full\n",
    "i-test0007": "inhibit=An old report\nschema=1.0.0\n",
    "i-test0008": "inhibit=A middle report\nschema=1.1.0\n",
    "i-test0011": "inhibit=An outdated package\n",
    "i-test0012": "fail=before\n",
    "i-test0013": "fail=middle\n",
    "i-test0017": "fail=middle\n",
    "i-test0018": "inhibit=Links are absolute\nschema=1.1.0\n",
    "i-test0021": "fail=resume\n",
}


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("migrate", REPLANK_GUEST_PROVEN=PROVEN) as made:
        guests = {each: {"disks": [{"files": {".guest/tool": text}}]} for each, text in TOOLS.items()}
        rhel = [instance(number, RHEL_8) for number in range(1, 10)]
        made.world.load_fleet(
            fleet(
                *rhel,
                *[instance(number, CENTOS_7) for number in range(10, 19)],
                instance(19, CENTOS_8),
                instance(20, RHEL_9),
                instance(21, RHEL_8),
                guests=guests,
            )
        )
        yield made


@pytest.fixture
def driver(one: Bench) -> Driver:
    return one.ports.drivers["guest"]


def guest(one: Bench, number: int, hop: Hop | None = None, **more: Any) -> Migration:
    """A migration at the beginning of its preparation."""
    made = moving(one, number, driver="guest", hops=(hop or (LEAPP if number < 10 else C2R),), **more)
    return replace(made, handle=replace(made.handle, began_at=one.now))


def until(one: Bench, look: Callable[[], JobReport], *phases: JobPhase) -> JobReport:
    def seen() -> JobReport | None:
        report = look()
        return report if report.phase in phases else None

    found: JobReport = one.until(seen, minutes=180)
    return found


def prepared(one: Bench, driver: Driver, made: Migration) -> Migration:
    report = until(one, lambda: driver.prepare_job(made, NOBODY), JobPhase.PREPARED, JobPhase.FAILED)
    assert report.phase is JobPhase.PREPARED, report
    return replace(made, handle=replace(report.handle, started_at=one.now), state=State.MIGRATING)


def refused(one: Bench, driver: Driver, made: Migration) -> JobReport:
    return until(one, lambda: driver.prepare_job(made, NOBODY), JobPhase.PREPARED, JobPhase.FAILED)


def run(one: Bench, driver: Driver, made: Migration) -> JobReport:
    driver.launch_job(made)
    return ended(one, driver, made)


def ended(one: Bench, driver: Driver, made: Migration) -> JobReport:
    one.world.run(1)
    return until(one, lambda: driver.job_reports([made])[made.migration_id], JobPhase.FINISHED, JobPhase.FAILED)


def tree(one: Bench, made: Migration) -> dict[str, bytes]:
    """The current files of the system disk."""
    digest = next(iter(one.world.disks(made.instance_id).values()))
    return {path: body for path, (_, body) in unpack(one.world.cloud.db.blob(digest)).items()}


def starts(one: Bench, made: Migration, text: str) -> int:
    """How often the tool was started, by the tool's own log."""
    logs = [body for path, body in tree(one, made).items() if path.startswith("var/log/") and not path.endswith(".json")]
    return sum(body.decode().count(text) for body in logs)


ANOLIS = [(15, Hop("centos-7", "anolis-7")), (16, Hop("centos-7", "anolis-8")), (19, Hop("centos-8", "anolis-8"))]


@pytest.mark.parametrize(("number", "hop"), ANOLIS, ids=lambda each: getattr(each, "destination", ""))
def test_the_tools_of_openanolis_lead_to_it(one: Bench, driver: Driver, number: int, hop: Hop) -> None:
    made = prepared(one, driver, guest(one, number, hop))
    assert run(one, driver, made).phase is JobPhase.FINISHED
    assert b'ID="anolis"' in tree(one, made)["etc/os-release"]
    clean(one, driver, made)
    ours = ("var/lib/replank-tool", "etc/yum.repos.d/anolis", ".guest/bin", ".guest/installed/")
    left = [path for path in tree(one, made) if path.startswith(ours)]
    assert not left


def test_a_later_version_keeps_the_name_of_the_command_that_began_the_run(one: Bench, driver: Driver) -> None:
    """It sends the beginning again while the first answer is missing. The guest may already run what the first version sent."""
    made = guest(one, 1)
    begun = replace(made, handle=replace(made.handle, command="replank-kept-tool-linux-older"))
    assert driver.prepare_job(begun, NOBODY).handle.command == "replank-kept-tool-linux-older"


def test_leapp_leads_beyond_the_matrix_of_smc(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 20, Hop("rhel-9", "rhel-10")))
    assert run(one, driver, made).phase is JobPhase.FINISHED
    assert b'VERSION_ID="10' in tree(one, made)["etc/os-release"]


def test_centos2anolis_that_fails_says_it_in_its_own_words_and_only_a_rollback_helps(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 17, ANOLIS[0][1]))
    report = run(one, driver, made)
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.Failed")
    assert "distro-sync (error 103). Error: the transaction was aborted." in report.message
    assert report.remedy.startswith("Roll back")


def test_the_leapp_of_openanolis_refuses_with_its_own_report(one: Bench, driver: Driver) -> None:
    report = refused(one, driver, guest(one, 18, ANOLIS[1][1]))
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.Inhibited")
    assert "Links are absolute" in report.message


@pytest.mark.parametrize("number", [1, 10])
def test_a_tool_replaces_the_system_and_leaves_nothing_of_ours(one: Bench, driver: Driver, number: int) -> None:
    made = guest(one, number)
    made = prepared(one, driver, made)
    assert made.handle.job_id == f"rp-{made.migration_id}-0-1"
    assert run(one, driver, made).phase is JobPhase.FINISHED
    assert b'ID="rhel"' in tree(one, made)["etc/os-release"]
    assert not driver.unfinished_jobs(made, ())
    clean(one, driver, made)
    assert not [path for path in tree(one, made) if path.startswith(("var/lib/replank-tool", ".guest/installed"))]


def test_progress_is_seen_while_the_tool_works(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    driver.launch_job(made)
    seen = set()
    for _ in range(12):
        one.world.run(1)
        seen.add(driver.job_reports([made])[made.migration_id].progress)
        assert driver.unfinished_jobs(made, ())[0].runs
    assert {10, 30} <= seen
    driver.job_reports([made])
    assert ended(one, driver, made).phase is JobPhase.FINISHED
    one.until(lambda: not driver.unfinished_jobs(made, ()))


@pytest.mark.parametrize(
    ("number", "schema"),
    [
        (2, samples.leapp_schema("1.2.0")),
        (7, samples.leapp_schema("1.0.0")),
        (8, samples.leapp_schema("1.1.0")),
        (11, samples.CONVERT2RHEL_SCHEMA),
    ],
    ids=["leapp 1.2.0", "leapp 1.0.0", "leapp 1.1.0", "convert2rhel"],
)
def test_the_reports_of_the_local_tools_are_what_the_published_schemas_demand(
    one: Bench, driver: Driver, number: int, schema: dict[str, Any]
) -> None:
    made = guest(one, number)
    refused(one, driver, made)
    reports = [body for path, body in tree(one, made).items() if path.startswith("var/log/") and path.endswith(".json")]
    assert reports
    for body in reports:
        jsonschema.validate(json.loads(body), schema)


@pytest.mark.parametrize("number", [1, 10])
def test_the_record_of_a_run_is_what_its_published_schema_demands(one: Bench, driver: Driver, number: int) -> None:
    made = prepared(one, driver, guest(one, number))
    assert run(one, driver, made).phase is JobPhase.FINISHED
    jsonschema.validate(json.loads(tree(one, made)["etc/migration-results"]), samples.RESULTS_SCHEMA)


@pytest.mark.parametrize(
    ("number", "title"),
    [
        (2, "Use of an unsupported network driver"),
        (7, "An old report"),
        (8, "A middle report"),
        (11, "An outdated package (PACKAGE_UPDATES::STOPPED)"),
    ],
)
def test_the_tools_own_precheck_refuses_with_its_remedy(one: Bench, driver: Driver, number: int, title: str) -> None:
    report = refused(one, driver, guest(one, number))
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.Inhibited")
    assert title in report.message
    assert report.remedy == f"Correct this: {title.partition(' (')[0]}"


def clean(one: Bench, driver: Driver, made: Migration) -> int:
    """Clean up as the tick does, until the guest reports that nothing is left. Returns the number of calls."""
    for number in range(1, 30):
        with contextlib.suppress(Transient):
            driver.clean_up_hop(made, made.handle)
            return number
        one.world.run(1)
    raise AssertionError("it is never cleaned")


def test_a_cancellation_in_the_middle_of_the_preparation_lets_it_end_and_removes_it(one: Bench, driver: Driver) -> None:
    made = guest(one, 10)
    driver.prepare_job(made, NOBODY)
    one.world.run(0.3)
    assert clean(one, driver, made) > 2
    left = tree(one, made)
    assert not [path for path in left if path.startswith(("var/lib/replank-tool", ".guest/installed"))]
    assert b"Erased: convert2rhel" in left["var/log/yum.log"]


def test_what_a_restored_disk_holds_is_removed_however_late_a_person_confirms(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 10, attempt=2))
    long_ago = one.now - timedelta(days=3)
    back = replace(made, state=State.ROLLED_BACK, entered_at=long_ago)
    assert clean(one, driver, back) == 1, "before the confirmation nothing is sent"
    assert clean(one, driver, replace(back, released_at=one.now)) > 1
    assert ".guest/installed/convert2rhel" not in tree(one, made)


def test_a_command_that_comes_after_the_end_begins_nothing(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 10))
    clean(one, driver, made)
    assert refused(one, driver, replace(made, handle=replace(made.handle, began_at=one.now))).code == "Tool.Ended"
    assert ".guest/installed/convert2rhel" not in tree(one, made)


def test_a_clean_up_of_an_earlier_try_leaves_the_next_one_alone(one: Bench, driver: Driver) -> None:
    first = prepared(one, driver, guest(one, 10))
    second = guest(one, 10, attempt=2)
    second = prepared(one, driver, second)
    clean(one, driver, first)
    assert run(one, driver, second).phase is JobPhase.FINISHED


@pytest.mark.parametrize(("number", "code"), [(5, "Tool.NoNetwork"), (6, "Tool.DiskFull")])
def test_a_tool_that_cannot_be_installed_says_why(one: Bench, driver: Driver, number: int, code: str) -> None:
    report = refused(one, driver, guest(one, number))
    assert (report.phase, report.code) == (JobPhase.FAILED, code)
    assert "It says: " in report.message


@pytest.mark.parametrize(
    ("number", "code", "past"),
    [(3, "Tool.DiskFull", False), (4, "Tool.NotReplaced", True), (12, "Tool.NoNetwork", False), (13, "Tool.Failed", True)],
)
def test_a_tool_that_fails_says_what_is_left_to_do(one: Bench, driver: Driver, number: int, code: str, past: bool) -> None:
    made = prepared(one, driver, guest(one, number))
    report = run(one, driver, made)
    assert (report.phase, report.code) == (JobPhase.FAILED, code)
    assert report.log.splitlines(), "the end of the tool's log comes with the failure"
    assert report.remedy.startswith("Roll back") == past
    again = replace(guest(one, number, attempt=2), handle=replace(made.handle, began_at=one.now))
    one.world.run(1)
    report = until(one, lambda: driver.prepare_job(again, NOBODY), JobPhase.PREPARED, JobPhase.FAILED)
    assert report.code == ("Tool.PastReturn" if past else "")


def test_the_same_acts_twice_start_the_tool_once(one: Bench, driver: Driver) -> None:
    made = guest(one, 10)
    for _ in range(3):
        driver.prepare_job(made, NOBODY)
    one.world.run(2)
    driver.prepare_job(made, NOBODY)
    made = prepared(one, driver, made)
    for _ in range(4):
        driver.launch_job(made)
        one.world.run(1)
    assert ended(one, driver, made).phase is JobPhase.FINISHED
    driver.launch_job(made)
    one.world.run(2)
    assert starts(one, made, "Convert: Replace system packages") == 1
    assert driver.prepare_job(replace(made, state=State.SNAPSHOTTED), NOBODY).phase is JobPhase.RUNNING


@pytest.mark.parametrize("minutes", [0.1, 1, 3])
def test_a_restart_by_a_person_while_it_prepares_is_told_and_a_retry_begins_again(
    one: Bench, driver: Driver, minutes: float
) -> None:
    made = guest(one, 10)
    driver.prepare_job(made, NOBODY)
    one.world.run(minutes)
    restart(one, made)
    report = refused(one, driver, made)
    assert report.code in ("Tool.Interrupted", "")
    if report.phase is JobPhase.FAILED:
        again = guest(one, 10, attempt=2)
        assert run(one, driver, prepared(one, driver, again)).phase is JobPhase.FINISHED


@pytest.mark.parametrize(("minutes", "past"), [(0.2, False), (1, False), (5, True)])
def test_a_power_loss_in_the_middle_is_never_taken_for_success(one: Bench, driver: Driver, minutes: float, past: bool) -> None:
    made = prepared(one, driver, guest(one, 10))
    driver.launch_job(made)
    one.world.run(minutes)
    restart(one, made)
    report = ended(one, driver, made)
    assert report.phase is JobPhase.FAILED or report.phase is JobPhase.FINISHED
    if report.phase is JobPhase.FAILED:
        assert report.code == "Tool.Interrupted"
        assert report.remedy.startswith("Roll back") == past
    assert starts(one, made, "Convert: Replace system packages") <= 1


@pytest.mark.parametrize("number", [21, 1], ids=["it fails", "it is killed"])
def test_a_second_half_of_leapp_that_ends_badly_is_told_soon_and_can_be_removed(one: Bench, driver: Driver, number: int) -> None:
    """leapp deletes its service in its last step, so the service's file stays. It does not prove that leapp is at work."""
    made = prepared(one, driver, guest(one, number, LEAPP))
    driver.launch_job(made)
    while RESUME not in tree(one, made):
        one.world.run(1)
    while not kill(one, made) and number == 1:
        one.world.run(0.1)
    report = ended(one, driver, made)
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.NotReplaced")
    assert report.remedy.startswith("Roll back")
    assert (one.now - made.handle.started_at).total_seconds() < 3600  # type: ignore[operator]
    clean(one, driver, made)
    assert RESUME not in tree(one, made), "it would fail at every start"
    assert ".guest/installed/leapp-upgrade" not in tree(one, made)


def kill(one: Bench, made: Migration) -> bool:
    """Kill the second half of leapp if it runs now and is meant to be killed."""
    ecs = service(one.world.cloud, "ecs")
    return made.instance_id == "i-test0001" and bool(ecs.detached.kill(ecs.world.instance(made.instance_id)))


def test_an_hour_in_which_no_command_can_be_sent_changes_nothing(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    driver.launch_job(made)
    one.world.run(1)
    one.faults({"operation": "RunCommand", "kind": "throttle", "times": 1000})
    for _ in range(3):
        one.world.run(20)
        assert driver.job_reports([made])[made.migration_id].phase is JobPhase.RUNNING
    one.faults()
    assert ended(one, driver, made).phase is JobPhase.FINISHED


SOMEBODY_ELSE = (
    'mkdir -p "$GUEST_ROOT/.guest/pid"; cat "$GUEST_ROOT/proc/sys/kernel/random/boot_id" >"$GUEST_ROOT/.guest/pid/convert2rhel"'
)
"""Somebody else's convert2rhel, as pgrep sees it."""


def test_what_somebody_else_runs_is_never_disturbed(one: Bench, driver: Driver) -> None:
    made = guest(one, 10)
    told(one, made, SOMEBODY_ELSE)
    assert refused(one, driver, made).code == "Tool.AlreadyRuns"


@pytest.mark.parametrize("action", ["begin", "start"])
def test_a_command_that_was_turned_away_begins_nothing_if_it_comes_again(one: Bench, driver: Driver, action: Action) -> None:
    """Its migration has failed. Once the other tool had ended, the command prepared or even started ours (seed 66011199)."""
    made = guest(one, 10)
    made = prepared(one, driver, made) if action == "start" else made
    told(one, made, SOMEBODY_ELSE)
    report = run(one, driver, made) if action == "start" else refused(one, driver, made)
    assert report.code == "Tool.AlreadyRuns"
    told(one, made, 'rm -r "$GUEST_ROOT/.guest/pid"')
    recipe = recipe_for_path(CATALOG, made.current_hop.source, made.current_hop.destination)
    run_id = tool_run_id(made.migration_id, made.hop, made.attempt)
    told(one, made, tool_script(action, run_id, recipe))
    one.world.run(30)
    phase = tree(one, made).get("var/lib/replank-tool/phase", b"")
    assert phase.decode().strip() == ("prepared" if action == "start" else "")
    retried = replace(guest(one, 10), attempt=made.attempt + 1)
    told(one, made, tool_script("begin", run_id, recipe))
    assert prepared(one, driver, retried), "what the earlier attempt is told says nothing about this one"


def test_whoever_bought_the_licence_and_runs_the_tool_by_hand_is_not_disturbed(one: Bench, driver: Driver) -> None:
    """The precheck changes packages, so it does not run beside another run of the tool."""
    made = guest(one, 18)
    told(one, made, 'echo licence=no >>"$GUEST_ROOT/.guest/tool"')
    until(one, lambda: step_until_waiting(driver, made), JobPhase.PREPARED)
    told(one, made, SOMEBODY_ELSE)
    told(one, made, 'rm -f "$GUEST_ROOT/.guest/tool"')
    report = refused(one, driver, made)
    assert report.code == "Tool.AlreadyRuns"
    assert starts(one, made, "Prepare: Gather system information") == 0


def told(one: Bench, made: Migration, script: str) -> None:
    """What somebody does in the guest."""
    where = (made.region_id, made.instance_id)
    one.ports.guest.launch_script(*where, os_type="linux", script=script, token=f"p-{one.now:%H%M%S}", timeout_s=60)
    one.world.run(1)


def test_a_licence_that_is_missing_waits_for_a_person_and_then_goes_on(one: Bench, driver: Driver) -> None:
    made = guest(one, 18)
    told(one, made, 'echo licence=no >>"$GUEST_ROOT/.guest/tool"')
    report = until(one, lambda: step_until_waiting(driver, made), JobPhase.PREPARED)
    assert report.handle.waits.startswith("buy a Red Hat Enterprise Linux 7 licence")
    made = replace(made, handle=report.handle)
    assert reason_to_wait(made, "", catalog=CATALOG) == f"a person: {report.handle.waits}"
    one.world.run(20)
    assert driver.prepare_job(made, NOBODY).phase is JobPhase.PREPARING, "it waits, and its precheck has not run"
    told(one, made, 'echo schema=1.2.0 >"$GUEST_ROOT/.guest/tool"')
    ready = until(one, lambda: driver.prepare_job(made, NOBODY), JobPhase.PREPARED, JobPhase.FAILED)
    assert (ready.phase, ready.handle.waits) == (JobPhase.PREPARED, "")


def test_a_package_that_stood_in_the_way_is_put_back_and_none_is_added(one: Bench, driver: Driver) -> None:
    made = guest(one, 16, ANOLIS[1][1])
    told(one, made, 'echo "python-requests 2.6.0 10.el7 noarch CentOS" >>"$GUEST_ROOT/.guest/rpm"')
    made = prepared(one, driver, made)
    clean(one, driver, made)
    left = [path for path in tree(one, made) if path.startswith(".guest/installed/")]
    assert left == [".guest/installed/python-requests"]


def step_until_waiting(driver: Driver, made: Migration) -> JobReport:
    """The report, shown as prepared once it waits for a person: that ends the loop."""
    report = driver.prepare_job(made, NOBODY)
    return replace(report, phase=JobPhase.PREPARED) if report.handle.waits else report


def test_what_waits_for_a_licence_can_be_cancelled(one: Bench, driver: Driver) -> None:
    made = guest(one, 18)
    told(one, made, 'echo licence=no >>"$GUEST_ROOT/.guest/tool"')
    until(one, lambda: step_until_waiting(driver, made), JobPhase.PREPARED)
    clean(one, driver, made)
    assert not [path for path in tree(one, made) if path.startswith("var/lib/replank-tool")]


def test_a_recipe_that_is_off_is_never_begun(one: Bench) -> None:
    with bench("migrate") as plain:
        driver = plain.ports.drivers["guest"]
        with pytest.raises(Permanent, match="REPLANK_GUEST_PROVEN"):
            driver.check_settings()
        with pytest.raises(Permanent) as missing:
            driver.prepare_job(guest(plain, 1), NOBODY)
        assert missing.value.code == "Recipe.Missing"


def restart(one: Bench, made: Migration) -> None:
    """A person restarts the instance."""
    from localcloud.account import service

    power = service(one.world.cloud, "ecs").power
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        power.drive(service(one.world.cloud, "ecs").world.instance(made.instance_id), ["Stopping", "Starting", "Running"])
    one.world.run(4)
