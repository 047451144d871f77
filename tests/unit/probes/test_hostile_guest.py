"""A guest that lies: a false name, file or program can falsify only its own facts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.guest import GuestFacts, UserCheck
from shared.probes import parse_probe_answer
from tests.support.roots import Root, make_root

SECRET = "root:$6$topsecret:1:0"
MARKS = b"x\n@@file /etc/secret\n@@rc 0\n@@begin kernel\n9.9\n@@rc 0\n"
FRAME = b"x\n@rc 0\n@kernel\n 9.9\n@rc 0\n@end 99\nreplank-probe 1 linux\n"
HOSTILE = {
    "marks of the collector": MARKS,
    "marks of the answer": FRAME,
    "an order": b"x\n@0 begin kernel\n9.9\n@0 file /etc/secret\nK file /etc/secret\n",
    "escapes": b"\x1b]0;x\x07\x1b[2J\x9b1m\xc2\x9b2J",
    "bytes": bytes(range(1, 256)).replace(b"/", b""),
    "direction": "\u202egnp.exe\u2066\u2028".encode(),
    "a command": b"$(cat /etc/secret)`id`'; cat $GUEST_ROOT/etc/secret #\"",
    "no end": b"x" * 300,
}


def name_of(hostile: bytes) -> str:
    """The part of the text that can be a file name."""
    return hostile.replace(b"/", b"|").replace(b"\0", b"")[:120].decode("utf-8", "surrogateescape")


def a_file(
    folder: str, ending: str = "", content: bytes = b"1 * * * * root /opt/job\n", mode: int = 0o644
) -> Callable[[Root, bytes], Any]:
    return lambda root, hostile: root.write(f"{folder}/{name_of(hostile)}{ending}", content, mode)


def inside(path: str, before: bytes = b"", after: bytes = b"\n") -> Callable[[Root, bytes], Any]:
    """Append the text to the existing content of the file."""

    def place(root: Root, hostile: bytes) -> None:
        file = root.path / path
        root.write(path, (file.read_bytes() if file.exists() else b"") + before + hostile + after)

    return place


def printed(command: str, before: str = "", after: str = "\n") -> Callable[[Root, bytes], Any]:
    """Append the text to the existing output of the command."""

    def place(root: Root, hostile: bytes) -> None:
        for data in root.commands.glob(f".{command}.*"):
            data.write_bytes(data.read_bytes() + before.encode() + hostile + after.encode())

    return place


OF_PACKAGES = {"packages", "duplicate_packages", "rpm_database", "kernel_vendor"}
OF_SOURCES = {"repositories", "duplicate_repositories", "package_locks", "proxy"}
FIELDS: dict[str, tuple[Callable[[Root, bytes], Any], set[str]]] = {
    "check": (inside("said", after=b""), {"check"}),
    "cron file": (a_file("etc/cron.d"), {"cron", "python2_users"}),
    "cron line": (inside("etc/crontab"), {"cron", "python2_users"}),
    "program": (a_file("usr/local/bin", content=b"\x7fELF", mode=0o755), {"compiled_programs", "python2_users"}),
    "repository": (inside("etc/yum.repos.d/base.repo", b"["), OF_SOURCES),
    "configuration of yum": (inside("etc/yum.conf", b"exclude="), OF_SOURCES),
    "encrypted device": (inside("etc/crypttab"), {"encrypted_devices"}),
    "argument of the kernel": (inside("proc/cmdline"), {"kernel_arguments"}),
    "login": (inside("etc/ssh/sshd_config", b"PermitRootLogin "), {"permit_root_login"}),
    "module of PAM": (inside("etc/pam.d/sshd", b"auth required "), {"pam_modules"}),
    "loaded module": (inside("proc/modules"), {"modules", "modules_out_of_tree", "security_agent", "gpu"}),
    "label": (a_file("dev/disk/by-label"), {"fstab"}),
    "process": (inside("proc/77/stat", b"77 (AliYunDun"), {"security_agent"}),
    "lock": (inside("var/lib/dnf/rpmdb_lock.pid", b"77 "), {"package_manager_busy", "lock_holders"}),
    "fstab": (inside("etc/fstab"), {"fstab"}),
    "leftover": (a_file("boot", "upgrade"), {"leftovers"}),
    "kernel image": (lambda root, hostile: root.write(f"boot/vmlinuz-{name_of(hostile)}", "k"), {"boot", "reboot_pending"}),
    "unit": (a_file("etc/systemd/system", ".service", b"ExecStart=/bin/python\n"), {"python2_users"}),
    "hostname": (printed("hostname"), {"hostname"}),
    "package": (printed("rpm", "", " 1-1 x86_64 Evil\n"), OF_PACKAGES),
    "vendor": (printed("rpm", "evil 1-1 x86_64 "), OF_PACKAGES),
    "service": (printed("systemctl", "", ".service enabled running\n"), {"services", "clock_synchronised", "firewall"}),
    "mount": (printed("df", "/dev/vdz 9 9 9 9% /mnt/"), {"mounts"}),
    "address": (printed("ip", "3: eth1 inet "), {"interfaces", "default_route"}),
    "socket": (printed("ss", "tcp LISTEN 0 1 "), {"listening"}),
    "name server": (inside("etc/resolv.conf", b"nameserver "), {"dns"}),
    "user": (inside("etc/passwd"), {"users", "groups"}),
    "system": (inside("etc/os-release", b"PRETTY_NAME="), {"os_name", "os_id", "os_version"}),
}
"""By place of the foreign text: the facts that it may change, which are those of its own section."""


def facts(root: Root) -> dict[str, Any]:
    run = root.probe(check='cat "$GUEST_ROOT/said"', files=["/etc/fstab"])
    assert SECRET.encode() not in run.stdout
    assert (run.returncode, run.stderr) == (0, b"")
    guest = parse_probe_answer("linux", run.stdout)
    assert guest.linux is not None
    assert GuestFacts.from_json(guest.to_json()) == guest
    found = {each.name: getattr(guest, each.name) for each in fields(guest)}
    found.update({each.name: getattr(guest.linux, each.name) for each in fields(guest.linux)})
    for changing in ("linux", "windows", "unknown", "cut", "checksums"):
        found.pop(changing)
    return found


def world(folder: Path) -> Root:
    root = make_root(folder)
    root.write("etc/secret", SECRET)
    root.write("said", "OK\n")
    return root


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return facts(world(tmp_path_factory.mktemp("honest")))


def differing(found: dict[str, Any], honest: dict[str, Any]) -> set[str]:
    return {name for name in honest if found[name] != honest[name]}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("hostile", ["marks of the collector", "marks of the answer"])
def test_a_field_tells_of_itself_alone(tmp_path: Path, honest: dict[str, Any], field: str, hostile: str) -> None:
    root = world(tmp_path)
    place, own = FIELDS[field]
    place(root, HOSTILE[hostile])
    assert differing(facts(root), honest) <= own


@pytest.mark.parametrize("hostile", HOSTILE)
def test_all_fields_together_reach_no_other(tmp_path: Path, honest: dict[str, Any], hostile: str) -> None:
    root = world(tmp_path)
    own: set[str] = set()
    for place, changes in FIELDS.values():
        place(root, HOSTILE[hostile])
        own |= changes
    found = facts(root)
    assert differing(found, honest) <= own
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028]", json.dumps(str(found), ensure_ascii=False))


@given(
    field=st.sampled_from(sorted(FIELDS)), hostile=st.lists(st.sampled_from([*HOSTILE.values(), b"\n", b" ", b"@", b"\0", b"\r"]))
)
@settings(max_examples=12, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mixture_reaches_another_field(
    tmp_path_factory: pytest.TempPathFactory, honest: dict[str, Any], field: str, hostile: list[bytes]
) -> None:
    root = world(tmp_path_factory.mktemp("mixed"))
    place, own = FIELDS[field]
    place(root, b"y" + b"".join(hostile))
    assert differing(facts(root), honest) <= own


@pytest.mark.parametrize("said", ["OK", '{"status":"UP"}', "OK\n", "", "@@file /etc/secret", "|x"])
def test_what_a_check_says_is_told_with_or_without_a_line_end(tmp_path: Path, said: str) -> None:
    root = world(tmp_path)
    root.write("said", said)
    assert facts(root)["check"] == UserCheck(0, said.strip())


@pytest.mark.parametrize(("check", "status"), [("kill -9 $PPID", 137), ("exec 1>&-", 0), ("yes | head -c 300000", 0), ("cat", 0)])
def test_a_check_that_misbehaves_has_a_status(tmp_path: Path, check: str, status: int) -> None:
    run = world(tmp_path).probe(check=check)
    guest = parse_probe_answer("linux", run.stdout)
    assert guest.check is not None
    assert (guest.check.exit_status, len(guest.check.output) <= 240, guest.hostname) == (status, True, "web-1")


def test_a_name_of_several_lines_is_counted_as_left_out(tmp_path: Path) -> None:
    root = world(tmp_path)
    a_file("etc/cron.d")(root, b"a\nb")
    assert dict(parse_probe_answer("linux", root.probe().stdout).cut)["cron"] == "2 of 3 lines"


def test_a_file_with_a_backslash_in_its_name_has_a_checksum(tmp_path: Path) -> None:
    """sha256sum itself escapes such a name, and marks the digest."""
    root = world(tmp_path)
    root.write("etc/a\\b", "x")
    (checksum,) = parse_probe_answer("linux", root.probe(files=["/etc/a\\b"]).stdout).checksums
    assert len(checksum.sha256) == 64


def test_a_pipe_among_the_files_holds_nothing_up(tmp_path: Path) -> None:
    import os

    root = world(tmp_path)
    os.mkfifo(root.path / "etc/pipe")
    (checksum,) = parse_probe_answer("linux", root.probe(files=["/etc/pipe"]).stdout).checksums
    assert checksum.sha256 == ""


WINDOWS = {"probe": 1, "os": {"version": "6.1"}, "hostname": "WEB-1", "users": ["a"], "check": {"exit_status": 0, "output": "ok"}}


def windows(document: dict[str, Any], above: str = "") -> GuestFacts:
    return parse_probe_answer(
        "windows", (above + json.dumps(document) + "\n@end replank-probe 1 windows\n").encode("utf-8", "surrogatepass")
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_windows_guest_acts_or_reaches_another_field(hostile: str) -> None:
    text = HOSTILE[hostile].decode("utf-8", "replace")
    guest = windows({**WINDOWS, "hostname": text, "users": [text], "check": {"exit_status": 0, "output": text}})
    assert guest.os_version == "6.1"
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028]", f"{guest.hostname}{guest.users}{guest.check}")


@pytest.mark.parametrize("above", ["curl: (7) refused\n", '{"probe":1,"hostname":"FORGED"}\n@end replank-probe 1 windows\n'])
def test_what_a_command_prints_beside_the_answer_is_none_of_it(above: str) -> None:
    assert windows(WINDOWS, above).hostname == "WEB-1"
