"""The PowerShell probe: its output can be parsed, and the script uses only features of PowerShell 2.0 (which is not available
here).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.domain.catalog import identify_release
from shared.domain.guest import ChecksumFacts, GuestFacts, InterfaceFacts, ListenerFacts, MountFacts, ServiceFacts, UserCheck
from shared.probes import ProbeUnreadable, parse_probe_answer, probe_script

SOURCE = (Path(__file__).parents[3] / "shared/probes/windows.ps1").read_text()
ANSWER: dict[str, Any] = {
    "probe": 1,
    "os": {
        "caption": "Microsoft Windows Server 2008 R2 Enterprise",
        "version": "6.1.7601",
        "build": "7601",
        "language": "zh",
        "architecture": "64-bit",
    },
    "hostname": "WEB-1",
    "memory_mib": 8191,
    "cpu": 4,
    "volumes": [{"drive": "C:", "size_mib": 40000, "free_mib": 25000, "serial": "AABB"}],
    "windows_dir_mib": 14000,
    "services": [
        {"name": "W3SVC", "start_mode": "Auto", "state": "Running"},
        {"name": "MSDTC", "start_mode": "Manual", "state": "Running"},
    ],
    "users": ["Administrator", "\u7ba1\u7406\u5458"],
    "listening": ["tcp 0.0.0.0 3389", "tcp [::] 80"],
    "pending_reboot": False,
    "network": {
        "interfaces": [{"name": "VirtIO", "mac": "00:16:3E:00:00:01", "addresses": ["10.0.0.5"]}],
        "default_route": "10.0.0.253",
        "dns": ["100.100.2.136"],
    },
    "domain_controller": False,
    "clustered": False,
    "bitlocker": True,
    "page_files": ["C:\\pagefile.sys"],
    "activated": True,
    "antivirus": [],
    "filter_drivers": ["acme"],
    "health": {"metadata": True, "names": False, "clock": True},
    "checksums": [{"path": "C:\\web.config", "sha256": "ab" * 32}],
    "check": {"exit_status": 0, "output": "ok"},
    "unknown": [],
    "cut": [],
}


def read(answer: dict[str, Any], tail: str = "\r\n@end replank-probe 1 windows\r\n") -> GuestFacts:
    return parse_probe_answer("windows", (json.dumps(answer) + tail).encode())


def test_everything_is_read() -> None:
    guest = read(ANSWER)
    found = identify_release(guest.os_name or "")
    assert found is not None
    assert found.key == "windows-2008r2-enterprise"
    assert guest.unknown == ()
    assert guest.mounts == (MountFacts("C:", "C:", 40000, 25000, serial="AABB"),)
    assert guest.services == (ServiceFacts("W3SVC", True, True), ServiceFacts("MSDTC", False, True))
    assert guest.listening == (ListenerFacts("tcp", "0.0.0.0", 3389), ListenerFacts("tcp", "[::]", 80))
    assert guest.interfaces == (InterfaceFacts("VirtIO", ("10.0.0.5",), "00:16:3E:00:00:01"),)
    assert guest.users == ("Administrator", "管理员")
    assert guest.checksums == (ChecksumFacts("C:\\web.config", "ab" * 32),)
    assert guest.check == UserCheck(0, "ok")
    assert guest.windows is not None
    assert (guest.windows.language, guest.windows.bitlocker, guest.windows.filter_drivers) == ("zh", True, ("acme",))
    health = (guest.windows.metadata_answers, guest.windows.names_resolve, guest.windows.clock_in_step)
    assert health == (True, False, True)
    older = {name: value for name, value in ANSWER.items() if name != "health"}
    assert not [name for name, _ in read(older).unknown if "health" in name], "an older probe did not say, and that is no gap"
    assert (guest.architecture, guest.windows.windows_dir_mib, guest.default_route) == ("x86_64", 14000, "10.0.0.253")
    assert GuestFacts.from_json(guest.to_json(), strict=True) == guest


@pytest.mark.parametrize("field", [f for f in ANSWER if f not in ("probe", "checksums", "check", "unknown", "cut")])
@pytest.mark.parametrize("value", [None, "garbage", -5, [{}], {"x": 1}], ids=repr)
def test_a_strange_field_is_unknown(field: str, value: object) -> None:
    guest = read({**ANSWER, field: value})
    assert any(name.startswith(field) for name, _ in guest.unknown) or (field == "hostname" and guest.hostname == "garbage")
    assert GuestFacts.from_json(guest.to_json()) == guest


def test_what_the_guest_could_not_ask_is_named() -> None:
    guest = read(
        {**ANSWER, "services": None, "unknown": [["services", "Access denied"]], "cut": [["users", "longer than 8000 characters"]]}
    )
    assert ("services", "Access denied") in guest.unknown
    assert guest.cut == (("users", "longer than 8000 characters"),)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"probe":1}', "Probe.Truncated"),
        ('{"probe":1\n@end', "Probe.Garbage"),
        ("[1]\n@end", "Probe.Garbage"),
        ('{"probe":2}\n@end', "Probe.VersionUnknown"),
        ("The term 'x' is not recognized", "Probe.Garbage"),
        ('{"checksums":[1]}\n@end', "Probe.Garbage"),
        ("[" * 5000 + "\n@end", "Probe.Garbage"),
    ],
)
def test_an_unreadable_answer_raises_its_code(text: str, code: str) -> None:
    with pytest.raises(ProbeUnreadable) as caught:
        parse_probe_answer("windows", text.encode())
    assert caught.value.code == code


def test_a_byte_order_mark_does_not_matter() -> None:
    assert (
        parse_probe_answer("windows", b"\xef\xbb\xbf" + json.dumps(ANSWER).encode() + b"\n@end replank-probe 1 windows\n").hostname
        == "WEB-1"
    )


def test_the_script_keeps_to_powershell_2() -> None:
    code = "\n".join(line for line in SOURCE.splitlines() if not line.lstrip().startswith("#"))
    newer = (
        "ConvertTo-Json",
        "Get-Cim",
        "Get-Net",
        "Get-FileHash",
        "[ordered]",
        "[pscustomobject]",
        "-in ",
        ".ForEach(",
        "Get-LocalUser",
    )
    assert [word for word in newer if word.lower() in code.lower()] == []


def test_the_script_only_reads() -> None:
    code = "\n".join(line for line in SOURCE.splitlines() if not line.lstrip().startswith("#"))
    writing = r"\b(Set|New|Remove|Stop|Start|Restart|Enable|Disable|Install|Uninstall|Add|Clear|Move|Copy|Rename)-(?!Object\b)\w+"
    assert re.findall(writing, code) == []
    assert "/L " in code, "robocopy must only list"


def test_the_script_prints_every_field_that_is_read() -> None:
    assert [name for name in ANSWER if f"'{name}'" not in SOURCE] == []
    for name in (
        "caption",
        "version",
        "build",
        "language",
        "architecture",
        "drive",
        "size_mib",
        "free_mib",
        "serial",
        "start_mode",
        "state",
    ):
        assert f"'{name}'" in SOURCE
    assert SOURCE.rstrip().endswith("'@end replank-probe 1 windows'")


def test_brackets_are_balanced() -> None:
    code = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", SOURCE)
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)


def test_settings_are_quoted() -> None:
    text = probe_script("windows", files=["C:\\it's.txt", "D:\\b"], check="echo 'x'")
    assert text.startswith("$ReplankFiles = @('C:\\it''s.txt', 'D:\\b')\n$ReplankCheck = 'echo ''x'''\n")
