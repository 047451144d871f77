"""Tests each rule three times: it passes, it fails, and the fact is missing. Then tests properties of all rules together."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from shared.domain.catalog import CATALOG
from shared.domain.findings import Severity
from shared.domain.hop import Hop
from shared.domain.prechecks import RULES, NeededFacts, assess, cheap_rules
from shared.domain.prechecks.registry import SUBJECTS
from shared.domain.prechecks.rule import PRACTICE, FactUnknown, Rule, RuleFailed, RulePassed
from tests.support.facts import LINUX, TO_RHEL, WINDOWS, with_guest, with_instance, with_linux, with_space
from tests.support.repository import ROOT
from tests.support.rule_cases import CASES

IDS = [rule.code for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_rule_passes_a_healthy_guest(rule: Rule) -> None:
    facts = CASES[rule.code][0]
    assert not rule.findings(facts, CATALOG)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_fails_with_all_an_operator_needs(rule: Rule) -> None:
    facts = CASES[rule.code][1]
    assert rule.applies(facts)
    assert isinstance(rule.check(facts, CATALOG), RuleFailed)
    (finding,) = rule.findings(facts, CATALOG)
    assert (finding.code, finding.severity) == (rule.code, rule.severity)
    assert finding.seen
    assert finding.why.endswith(".")
    assert finding.remedy.endswith(".")
    assert finding in assess(facts).findings


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_tells_what_is_not_known(rule: Rule) -> None:
    facts = CASES[rule.code][2]
    if rule.unknown is None:
        assert facts is None
        return
    assert facts is not None
    assert rule.applies(facts)
    outcome = rule.check(facts, CATALOG)
    assert isinstance(outcome, FactUnknown)
    assert outcome.what
    assert not outcome.what.endswith(" is"), "the sentence of the missing fact is complete"
    (finding,) = rule.findings(facts, CATALOG)
    assert (finding.code, finding.severity) == (rule.code, rule.unknown)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_says_where_it_comes_from(rule: Rule) -> None:
    assert rule.source
    assert rule.title
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+\.[A-Z][A-Za-z0-9]+", rule.code)
    if rule.source == PRACTICE and rule.code != "Guest.NotProbed":
        assert rule.severity is not Severity.ERROR, "common sense must be possible to override"


def test_every_file_of_rules_is_in_the_registry() -> None:
    """A table that the registry does not contain would never be used."""
    folder = ROOT / "shared/domain/prechecks"
    tables = {path.stem for path in folder.glob("*.py") if re.search(r"^RULES = \(", path.read_text(encoding="utf-8"), re.M)}
    assert tables == {subject.__name__.rpartition(".")[2] for subject in SUBJECTS}
    assert len(tables) <= 14, "a subject is more than one rule"


def test_a_limit_inside_the_guest_that_was_not_measured_blocks_too() -> None:
    """Otherwise a guest that reports less would look better. Pending updates are an exception: the check is slow, so it is
    optional.
    """
    lax = [
        rule.code
        for rule in RULES
        if rule.needs is NeededFacts.GUEST and rule.severity is Severity.ERROR and not _blocks(rule.unknown)
    ]
    assert lax == ["Guest.NotProbed", "Guest.UpdatesPending"]


def _blocks(severity: Severity | None) -> bool:
    return severity in (None, Severity.ERROR, Severity.OVERRIDABLE)


def test_every_rule_has_its_cases_and_a_code_of_its_own() -> None:
    assert sorted(CASES) == sorted(IDS)
    assert len(set(IDS)) == len(IDS)


def test_rules_do_not_apply_to_the_other_system() -> None:
    for rule in RULES:
        for facts in (LINUX, WINDOWS):
            if not rule.applies(facts):
                assert isinstance(RulePassed(), RulePassed)
                assert rule.findings(facts, CATALOG) == []


@pytest.mark.parametrize("facts", [LINUX, WINDOWS], ids=["linux", "windows"])
def test_a_healthy_instance_has_no_finding(facts: object) -> None:
    assert assess(facts).findings == ()  # type: ignore[arg-type]


def test_red_hat_is_reached_with_a_warning_only() -> None:
    result = assess(TO_RHEL)
    assert not result.is_blocked
    assert [f.code for f in result.findings] == ["Route.DestinationEndOfLife"]


def test_cheap_rules_need_no_guest() -> None:
    assert assess(replace(LINUX, guest=None), rules=cheap_rules).findings == ()
    assert all(rule.needs is not NeededFacts.GUEST for rule in cheap_rules)
    assert assess(replace(LINUX, guest=None)).is_blocked


def test_overrides_need_a_reason_and_an_overridable_finding() -> None:
    spot = with_instance(LINUX, spot=True)
    assert assess(spot).is_blocked
    assert assess(spot, {"Instance.Spot": " "}).is_blocked
    assert not assess(spot, {"Instance.Spot": "the fleet is all spot"}).is_blocked
    stopped = with_instance(LINUX, status="Stopped")
    assert assess(stopped, {"Instance.NotRunning": "I insist"}).is_blocked


def test_findings_come_worst_first() -> None:
    facts = with_linux(with_guest(with_instance(LINUX, spot=True, status="Stopped"), firewall="firewalld"), proxy="yum.conf")
    order = [finding.severity for finding in assess(facts).findings]
    assert order == [Severity.ERROR, Severity.OVERRIDABLE, Severity.WARNING, Severity.INFO]


def test_directories_on_one_file_system_add_up() -> None:
    short = assess(with_space(LINUX, "/", available_mib=4300))
    (finding,) = short.findings
    assert finding.seen == "/ has 4300 MiB, 4346 MiB needed for /usr and /var"


def test_the_minor_version_of_the_path_is_demanded() -> None:
    assert [f.code for f in assess(with_guest(TO_RHEL, os_version="7.6.1810")).blocking_findings] == ["Guest.ReleaseMismatch"]
    assert [f.code for f in assess(with_guest(TO_RHEL, os_version="7")).blocking_findings] == ["Guest.ReleaseMismatch"]


def test_centos_stream_is_not_centos() -> None:
    facts = with_guest(LINUX, os_version="8", os_name="CentOS Stream 8")
    assert "Guest.ReleaseMismatch" in [f.code for f in assess(facts).blocking_findings]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("(preemptible) ", "").split()).removeprefix("a ").removeprefix("the ")


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_what_was_seen_says_more_than_the_title(rule: Rule) -> None:
    """An operator reads the title and the details in one line."""
    _, failing, blind = CASES[rule.code]
    (finding,) = rule.findings(failing, CATALOG)
    assert " " not in finding.seen or _plain(finding.seen) not in _plain(finding.title)
    assert _plain(finding.title) not in _plain(finding.seen)
    for found in rule.findings(blind, CATALOG) if blind else ():
        assert not rule.asks or _plain(rule.asks) not in _plain(found.seen), found.seen


def test_of_a_destination_whose_servers_are_not_known_nothing_is_claimed() -> None:
    """The rule must not claim that the destination has no such server."""
    rule = next(each for each in RULES if each.code == "Guest.DataNotReadable")
    outcome = rule.check(replace(CASES[rule.code][1], hop=Hop("rhel-9", "rhel-10")), CATALOG)
    assert isinstance(outcome, FactUnknown)
    assert "Red Hat Enterprise Linux 10" in outcome.what


@pytest.mark.parametrize(("cpu", "memory_mib", "small"), [(2, 2048, False), (1, 2048, True), (2, 2047, True)])
def test_exactly_the_minimum_is_enough_for_windows(cpu: int, memory_mib: int, small: bool) -> None:
    facts = with_instance(WINDOWS, cpu=cpu, memory_mib=memory_mib)
    assert ("Instance.TooSmall" in {finding.code for finding in assess(facts).findings}) is small
