"""A group policy that forbids PowerShell scripts: the probe cannot run, and the finding names the policy."""

from __future__ import annotations

import pytest

from shared.ports.guest import CommandResult
from shared.probes import ProbeUnreadable, finding_for_unreadable_answer
from shared.stages.probe import facts_from_output

RESTRICTED = """\
File C:\\ProgramData\\aliyun\\assist\\t-1.ps1 cannot be loaded because running scripts is disabled on this system. For more informat
ion, see about_Execution_Policies at http://go.microsoft.com/fwlink/?LinkID=135170.
    + CategoryInfo          : SecurityError: (:) [], ParentContainsErrorRecordException
    + FullyQualifiedErrorId : UnauthorizedAccess
"""
UNSIGNED_IN_CHINESE = """\
无法加载文件 C:\\ProgramData\\aliyun\\assist\\t-1.ps1。未对文件进行数字签名。无法在当前系统上运行该脚本。
    + CategoryInfo          : SecurityError: (:) []，ParentContainsErrorRecordException
    + FullyQualifiedErrorId : Unauthor
izedAccess
"""
ANOTHER = "    + FullyQualifiedErrorId : UnauthorizedAccessException,Microsoft.PowerShell.Commands.GetItemCommand\n"


def code(text: str, os_type: str = "windows") -> str:
    found = facts_from_output(os_type, CommandResult("Failed", 1, text.encode()))
    assert isinstance(found, ProbeUnreadable)
    return found.code


@pytest.mark.parametrize("text", [RESTRICTED, UNSIGNED_IN_CHINESE])
def test_a_policy_that_forbids_scripts_has_a_code_and_a_remedy_of_its_own(text: str) -> None:
    found = facts_from_output("windows", CommandResult("Failed", 1, text.encode()))
    assert isinstance(found, ProbeUnreadable)
    assert found.code == "Probe.ScriptsForbidden"
    assert "Get-ExecutionPolicy -List" in finding_for_unreadable_answer(found).remedy


def test_every_other_failure_stays_what_it_was() -> None:
    assert code(ANOTHER) == "Probe.Failed"
    assert code(RESTRICTED, "linux") == "Probe.Failed"
