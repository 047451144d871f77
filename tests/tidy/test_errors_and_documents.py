"""Every error says what to do, and the documents say what the code does."""

from __future__ import annotations

import re
from datetime import timedelta

from shared.adapters import sdk_errors
from shared.domain import timing
from shared.domain.group import missing_tag_finding
from shared.domain.prechecks import RULES
from tests.support.repository import ROOT, files
from tools.catalogue import stale
from tools.pages import errors

OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
OTHERS = {"Noun.Reason", "Forbidden.Unauthorized", "ReplicationParameters.Name", "ReplicationParameters.TargetOsType"}
OF_STATE = set(re.findall(r"\bState\.[A-Z]\w+", (ROOT / "localcloud/core/state.py").read_text(encoding="utf-8")))
"""What the local cloud says of its state file."""
REFUSALS = ("sts/assume.py", "wire/acs3.py", "wire/rpc_service.py")
OF_THE_CLOUD = {
    code
    for name in REFUSALS
    for code in re.findall(r'"([A-Z][A-Za-z]+\.[A-Z][A-Za-z]+)"', (ROOT / "localcloud" / name).read_text(encoding="utf-8"))
}
"""What the local cloud refuses temporary credentials with, as the real services do."""
KNOWN = (
    OTHERS
    | OF_STATE
    | OF_THE_CLOUD
    | {ours for ours, _ in sdk_errors.REFUSED.values()}
    | errors.codes()
    | {rule.code for rule in RULES}
    | {missing_tag_finding("app").code}
    | {*sdk_errors.REFUSED, *sdk_errors.PERMANENT, *sdk_errors.TRANSIENT}
)
CODE = re.compile(r"`([A-Z][A-Za-z]+\.[A-Z][A-Za-z]+)`")


def test_every_error_has_a_sentence_and_a_remedy() -> None:
    """Empty ones are put together at run time; a written one must be a sentence."""
    ends = (".", "}", "!", "?", ")")
    sentences = [(each, text) for each in errors.found() for text in (each.message, each.remedy) if text]
    wrong = [each for each, text in sentences if not each.code.startswith("Probe.") and not text.rstrip().endswith(ends)]
    assert wrong == []


def test_codes_are_spelled_as_the_ecosystem_does() -> None:
    wrong = [
        each.code for each in errors.found() if not all(part[:1].isupper() and part.isalnum() for part in each.code.split("."))
    ]
    assert wrong == []


def test_generated_documents_are_up_to_date() -> None:
    assert stale() == [], "make docs"


def test_operations_say_what_to_do_about_every_failure_that_waits_for_a_person() -> None:
    needed = {each.code for each in errors.found() if each.fate == "permanent"}
    assert needed - set(CODE.findall(OPERATIONS)) == set()


def test_documents_name_no_code_that_does_not_exist() -> None:
    named = {code for path in files() if path.suffix == ".md" for code in CODE.findall(path.read_text(encoding="utf-8"))}
    assert named - KNOWN == set()


def test_operations_give_the_times_that_the_code_obeys() -> None:
    """Row by row of the table "How long things may take"."""
    part = OPERATIONS.partition("## How long things may take")[2].partition("##")[0]
    shown = [row.split("|")[2].strip() for row in part.splitlines() if row.startswith("|")][2:]
    obeyed = (
        timing.PROBE_LIMIT,
        timing.PRECHECK_AGE,
        timing.START_LIMIT,
        timing.SNAPSHOT_LIMIT,
        timing.PREPARE_LIMIT,
        timing.GUEST_PREPARE_LIMIT,
        timing.JOB_LIMIT,
        timing.LOOK_LIMIT,
        timing.RETURN_LIMIT,
        timing.VALIDATION_PATIENCE,
        timing.ROLLBACK_LIMIT,
    )
    hour = timedelta(hours=1)
    assert shown == [f"{each // hour} h" if each >= hour else f"{each.seconds // 60} min" for each in obeyed]


def test_the_tests_that_documents_name_exist() -> None:
    """A renamed test would leave a claim without its proof."""
    tests = [path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")]
    known = {path.stem for path in tests} | {
        name for path in tests for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    named = {
        name for path in files() if path.suffix == ".md" for name in re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8"))
    }
    assert named - known == set()
