"""What the guest driver tells of a preparation: the remedy of each end makes the error go away."""

from __future__ import annotations

import pytest

from shared.adapters.drivers.tool_reports import preparation_report, unanswered_preparation_report
from shared.domain.migration import DriverData
from shared.domain.recipes.choose import shipped_recipes
from shared.domain.toolrun import ToolAnswer
from shared.ports.driver import JobPhase, JobReport

RUN = "rp-m1-0-2"
C2R = next(each for each in shipped_recipes() if each.key == "centos-7-to-rhel-7")


def report(run: str = RUN, **answer: object) -> JobReport:
    return preparation_report(ToolAnswer(run=run, **answer), C2R, DriverData(), RUN)  # type: ignore[arg-type]


def test_who_waits_too_long_for_a_licence_is_told_to_buy_it() -> None:
    late = report(phase="unlicensed", log="403 - Forbidden")
    assert late.phase is JobPhase.PREPARING
    assert late.message == "convert2rhel waits for a licence."
    assert late.late_remedy.startswith("Buy a Red Hat Enterprise Linux 7 licence for the instance, in the ECS console; then retry.")
    assert late.log == "403 - Forbidden", "the row keeps why the check of the licence fails"


@pytest.mark.parametrize("phase", ["begun", "installing", "checking"])
def test_a_preparation_that_hangs_is_stopped_in_the_instance(phase: str) -> None:
    """A retry beside it would end with Tool.AlreadyRuns."""
    late = report(phase=phase, active=True)
    assert (late.phase, "systemctl stop replank-tool" in late.late_remedy) == (JobPhase.PREPARING, True)


def test_a_guest_that_never_answers_is_told_as_that() -> None:
    assert "Cloud Assistant" in unanswered_preparation_report(C2R, DriverData()).late_remedy
    assert report(run="").late_remedy == unanswered_preparation_report(C2R, DriverData()).late_remedy


def test_an_earlier_attempt_that_still_runs_is_not_called_somebody_elses() -> None:
    found = report(run="rp-m1-0-1", word="busy", active=True, phase="installing")
    assert (found.code, found.message) == (
        "Tool.AlreadyRuns",
        "An earlier attempt of this migration is still installing in the instance.",
    )
    for other in (report(run="rp-m2-0-1", word="busy", active=True), report(run="", word="busy")):
        assert other.message == "convert2rhel is at work in the instance, and this attempt did not start it."


def test_what_another_migration_has_changed_is_not_rolled_back_by_this_one() -> None:
    """The snapshots of this migration are younger than the change, and an untouched migration cannot be rolled back."""
    assert report(run="rp-m1-0-1", word="past").remedy.startswith("Roll back")
    foreign = report(run="rp-m2-0-1", word="past").remedy
    assert "cancel this one" in foreign
