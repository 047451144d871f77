"""Deliberate bugs in the choices of a policy, and the scenarios in which they show. See mutants.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from shared.domain import approvals, findings, policy, route, waves, window
from shared.domain.commands import DRAINING, RESTORING, CommandRule
from shared.domain.findings import Severity
from shared.domain.roles import Role
from shared.domain.times import Blackout
from shared.domain.validation import CHECKS, content
from shared.domain.window import Window
from shared.stages import approvals_due, commands, intake, precheck, probe
from tests.simulation.choices import CHANGES, LASTS, OLD_ONLY
from tests.simulation.scenario import DRAIN, RESTORE, TAG, Scenario
from tests.simulation.weather import approved, black_between, commanded, in_waves, unlimited, with_policy

Patch = Any


# What is compared -----------------------------------------------------------------------------------------------------


def files_ignored() -> list[Patch]:
    """A changed file that the policy names is no finding."""
    return _without_check(content.check_files)


def check_ignored() -> list[Patch]:
    """A failed check of the policy is no finding."""
    return _without_check(content.check_user_command)


def _without_check(check: Callable[..., Any]) -> list[Patch]:
    from shared.domain import validation

    assert check in CHECKS
    return [mock.patch.object(validation, "CHECKS", tuple(each for each in CHECKS if each is not check))]


def own_files_ignored() -> list[Patch]:
    """The files of a rule do not replace the batch's files."""
    return _as_the_batch("files")


def own_check_ignored() -> list[Patch]:
    """The check of a rule does not replace the batch's check."""
    return _as_the_batch("check")


def _as_the_batch(name: str) -> list[Patch]:
    own = probe._policy_for_instance

    def common(migration: Any, summary: Any, *others: Any) -> Any:
        return replace(own(migration, summary, *others), **{name: getattr(summary.policy, name)})

    return [mock.patch.object(probe, "_policy_for_instance", common)]


def changing_files(scenario: Scenario) -> Scenario:
    """Every batch names a file that each move changes, and one that none changes."""
    return _calm(with_policy(scenario, files=[LASTS, CHANGES], check=None, commands=None))


def failing_check(scenario: Scenario) -> Scenario:
    """Every batch has a check that fails after each move."""
    return _calm(with_policy(scenario, check=OLD_ONLY, files=None, commands=None))


def changing_files_of_a_rule(scenario: Scenario) -> Scenario:
    """A rule names a file that each move changes; the batch names none."""
    return _calm(with_policy(scenario, commands=[{"files": [CHANGES]}], files=None, check=None))


def failing_check_of_a_rule(scenario: Scenario) -> Scenario:
    """A rule has a check that fails after each move; the batch has none."""
    return _calm(with_policy(scenario, commands=[{"check": OLD_ONLY}], files=None, check=None))


def _calm(scenario: Scenario) -> Scenario:
    """No limits and no faults; persons do little."""
    wide = with_policy(unlimited(scenario), automaticRollback=None, approvals=None, rollbackApprovals=None)
    return replace(wide, fleet={**scenario.fleet, "guests": {}}, rates={"person": 0.05}, prompt=True)


# What must be allowed -------------------------------------------------------------------------------------------------


def moved_by_smc() -> list[Patch]:
    """Every batch is moved by SMC, whatever its policy says."""
    new = intake._new_migration

    def always(*given: Any) -> Any:
        return replace(new(*given), driver="smc")

    return [mock.patch.object(intake, "_new_migration", always)]


def by_console(scenario: Scenario) -> Scenario:
    """Persons start all jobs in the console."""
    return with_policy(_calm(scenario), driver="console")


def support_ignored() -> list[Patch]:
    """Every destination counts as supported."""
    return [mock.patch.object(route, "_is_past_support", return_value=False)]


def listing_ignored() -> list[Patch]:
    """A way that is open on request only counts as open to everybody."""
    plan = route.plan_route

    def lenient(*names: Any, **more: Any) -> Any:
        return plan(*names, **{**more, "allow_listed": True})

    return [mock.patch.object(precheck, "plan_route", lenient)]


def overrides_unneeded() -> list[Patch]:
    """A finding that a person may accept never blocks."""
    blocks = findings.is_blocking_finding

    def lenient(finding: Any, overridden: set[str]) -> bool:
        return finding.severity is not Severity.OVERRIDABLE and blocks(finding, overridden)

    return [mock.patch.object(findings, "is_blocking_finding", lenient)]


def to_the_past(scenario: Scenario) -> Scenario:
    """Every instance shall go to a release whose support has ended, and no policy allows that."""
    return _to(with_policy(_calm(scenario), allowEndOfLife=None), "alinux-2")


def on_request(scenario: Scenario) -> Scenario:
    """Every instance shall go a way that is open on request only, and no policy allows that."""
    return _to(with_policy(_calm(scenario), allowEndOfLife=True, allowListed=None), "rhel-7")


def _to(scenario: Scenario, destination: str) -> Scenario:
    def far(request: dict[str, Any]) -> dict[str, Any]:
        return {**request, "destinations": dict.fromkeys(request.get("instanceIds", ()), destination)}

    batches = tuple(replace(each, request=far(each.request)) for each in scenario.batches)
    return replace(scenario, batches=batches)


def spots(scenario: Scenario) -> Scenario:
    """Every instance is a spot instance, and no policy accepts that."""
    calm = with_policy(_calm(scenario), overrides=None)
    page = calm.fleet["pages"][0]
    records = [{**each, "SpotStrategy": "SpotAsPriceGo"} for each in page["Instances"]["Instance"]]
    return replace(calm, fleet={**calm.fleet, "pages": [{**page, "Instances": {"Instance": records}}]})


# Waves, reminders, approvals ------------------------------------------------------------------------------------------


def waves_too_large() -> list[Patch]:
    """Each wave has one instance more than the policy says."""
    size = waves._wave_size
    return [mock.patch.object(waves, "_wave_size", lambda *given: size(*given) + 1)]


def gate_ignored() -> list[Patch]:
    """The next wave begins after its soak, although a person should begin it."""
    may_begin = waves.may_next_wave_begin

    def may(summary: Any, now: datetime) -> bool:
        return may_begin(replace(summary, policy=replace(summary.policy, gate=waves.BY_ITSELF)), now)

    return [mock.patch.object(waves, "may_next_wave_begin", may)]


def gated(scenario: Scenario) -> Scenario:
    """Every batch moves in waves of two, and a person lets each wave begin."""
    return with_policy(in_waves(scenario), gate="approval", waveApprovals=None)


def reminded_at_once() -> list[Patch]:
    """A batch is ready to confirm as soon as it has ended."""
    from shared.stages import confirming

    return [mock.patch.object(confirming, "ready_to_confirm_at", lambda summary: summary.control.validated_at)]


def forgotten_for_days(scenario: Scenario) -> Scenario:
    """Nobody confirms anything for days, and the reminder is due after a month."""
    calm = with_policy(_calm(scenario), confirmAfterDays=30, waves=None, commands=None, check=None, files=None)
    return replace(calm, rates={}, forgetful=True)


def expiry_always_cancels() -> list[Patch]:
    """Expired approvals stop the batch, whatever the policy says."""
    return [mock.patch.object(approvals_due, "_must_stop_batch", lambda summary, found: found.have_approvals_expired)]


def names_unverified() -> list[Patch]:
    """An approval counts although nobody has verified the approver's name."""
    return _lenient_approver(approver_trust="claimed")


def roles_of_approvers_ignored() -> list[Patch]:
    """A person of any role may approve."""
    check = approvals.check_approver

    def lenient(batch: Any, found: Any, caller: Any, roles: frozenset[Any]) -> None:
        check(batch, found, caller, roles | {Role.ADMIN})

    return [mock.patch.object(approvals, "check_approver", lenient)]


def _lenient_approver(**changed: Any) -> list[Patch]:
    check = approvals.check_approver

    def lenient(batch: Any, *others: Any) -> None:
        check(replace(batch, policy=replace(batch.policy, **changed)), *others)

    return [mock.patch.object(approvals, "check_approver", lenient)]


def unverified(scenario: Scenario) -> Scenario:
    """Every batch needs two approvals by verified names, which nobody has."""
    return with_policy(approved(scenario), approverTrust="verified")


def approved_by_role(scenario: Scenario) -> Scenario:
    """Every batch needs the approval of one operator, and persons have roles."""
    return replace(with_policy(approved(scenario), approvals=1, approverRole="operator"), roles=True)


# Windows and blackouts ------------------------------------------------------------------------------------------------


def _other_periods(change: Callable[[Window, Any], Any]) -> list[Patch]:
    """Change the period of each day of each window."""
    period = window._period_on_day
    return [mock.patch.object(window, "_period_on_day", lambda own, day: change(own, lambda each: period(each, day)))]


def opens_early() -> list[Patch]:
    """Each window opens two hours early."""

    def early(own: Window, period: Any) -> Any:
        opens, until = period(own)
        return (opens - timedelta(hours=2), until) if opens < until else (opens, until)

    return _other_periods(early)


def closes_late() -> list[Patch]:
    """Each window closes two hours late."""

    def late(own: Window, period: Any) -> Any:
        opens, until = period(own)
        return (opens, until + timedelta(hours=2)) if opens < until and not own.length_min else (opens, until)

    return _other_periods(late)


def length_ignored() -> list[Patch]:
    """A window with a length stays open for a day."""
    return _other_periods(lambda own, period: period(replace(own, length_min=own.length_min and 1440)))


def days_ignored() -> list[Patch]:
    """A window opens on every day."""
    return _other_periods(lambda own, period: period(replace(own, days=tuple(range(7)))))


def cutoff_ignored() -> list[Patch]:
    """Migrations start until the window closes."""
    return _other_periods(lambda own, period: period(replace(own, cutoff_min=0)))


def offset_ignored() -> list[Patch]:
    """The clock times of a window that is ahead of UTC are read as UTC."""
    return _other_periods(lambda own, period: period(replace(own, utc_offset_min=window.UTC_ITSELF)))


def common_zone_ignored() -> list[Patch]:
    """A window without a zone of its own is read as UTC."""
    parse = window.parse_window

    def forgetful(document: object, path: str, *, zone: str = "", cutoff_min: int = 60) -> Window:
        return parse(document, path, cutoff_min=cutoff_min)

    return [mock.patch.object(policy, "parse_window", forgetful)]


def blackout_begins_late() -> list[Patch]:
    """A blackout begins without its cutoff."""

    def shorter(self: Blackout, now: datetime) -> bool:
        return self.from_ <= now < self.to

    return [mock.patch.object(Blackout, "is_in_force", shorter)]


def with_window(**own: Any) -> Callable[[Scenario], Scenario]:
    """A scenario in which every batch has this window, which is closed at the beginning."""

    def tuned(scenario: Scenario) -> Scenario:
        common = {"zone": own["common"]} if "common" in own else {"zone": None}
        given = {name: value for name, value in own.items() if name != "common"}
        return replace(with_policy(_calm(scenario), window=given, **common), chaos_min=120)

    return tuned


def almost_black(scenario: Scenario) -> Scenario:
    """A blackout begins in three hours, and nothing may start in the four hours before it."""
    return with_policy(_calm(scenario), blackouts=[black_between(180, 600, cutoff_min=240)])


# Rules of commands ----------------------------------------------------------------------------------------------------


def instances_of_rules_ignored() -> list[Patch]:
    """A rule applies to every instance, whichever it names."""
    return _rules_apply(instances=())


def tags_of_rules_ignored() -> list[Patch]:
    """A rule applies to every instance, whatever its tags."""
    return _rules_apply(tag="")


def _rules_apply(**dropped: Any) -> list[Patch]:
    applies = CommandRule.applies_to_instance

    def wider(self: CommandRule, *given: Any) -> bool:
        return applies(replace(self, **dropped), *given)

    return [mock.patch.object(CommandRule, "applies_to_instance", wider)]


def time_of_pre_ignored() -> list[Patch]:
    """A pre command may take five minutes, whatever the policy says."""
    return _any_time(DRAINING)


def time_of_post_ignored() -> list[Patch]:
    """A post command may take five minutes, whatever the policy says."""
    return _any_time(RESTORING)


def _any_time(phase: str) -> list[Patch]:
    send = commands._send_or_check_command

    def patient(migration: Any, by: str, command: str, timeout_s: int, ports: Any) -> Any:
        return send(migration, by, command, 300 if migration.commands.phase == phase else timeout_s, ports)

    return [mock.patch.object(commands, "_send_or_check_command", patient)]


def commanded_one(scenario: Scenario) -> Scenario:
    """A rule with commands names one instance."""
    first = scenario.fleet["pages"][0]["Instances"]["Instance"][0]["InstanceId"]
    return with_policy(_calm(commanded(scenario)), commands=[{**_OWN, "instances": [first]}])


def commanded_by_tag(scenario: Scenario) -> Scenario:
    """A rule with commands names a tag that one instance has."""
    page = scenario.fleet["pages"][0]
    first, *others = page["Instances"]["Instance"]
    records = [{**first, "Tags": {"Tag": [{"TagKey": TAG, "TagValue": "front"}]}}, *others]
    fleet = {**scenario.fleet, "pages": [{**page, "Instances": {"Instance": records}}]}
    ruled = with_policy(replace(scenario, fleet=fleet), commands=[{**_OWN, "tag": f"{TAG}=front"}], group=None, order=None)
    return _calm(ruled)


def commanded_in_time(scenario: Scenario) -> Scenario:
    """The commands of every batch have time limits."""
    return with_policy(_calm(scenario), commands=[{**_OWN, "preTimeoutSec": 60, "postTimeoutSec": 90}])


_OWN = {"pre": f"true {DRAIN}", "post": f"true {RESTORE}"}
