"""The shell probe, run for real in root trees with the files of real releases."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.domain.catalog import identify_os_release
from shared.domain.guest import ChecksumFacts, GuestFacts, InterfaceFacts, MountFacts, PackageFacts, UserCheck
from shared.probes import MAX_ANSWER_BYTES, parse_probe_answer, probe_script
from tests.support.roots import RELEASES, SHELLS, Root, make_root


def ask(root: Root, **settings: Any) -> GuestFacts:
    run = root.probe(**settings)
    assert (run.returncode, run.stderr) == (0, b"")
    return parse_probe_answer("linux", run.stdout)


@pytest.mark.parametrize("release", RELEASES)
def test_names_the_release_exactly(tmp_path: Path, release: str) -> None:
    guest = ask(make_root(tmp_path, release))
    found = identify_os_release(guest.os_id or "", guest.os_version or "", guest.os_name or "")
    assert found is not None
    assert found.key == release
    assert guest.kernel == RELEASES[release][2]


def test_tells_everything_there_is(tmp_path: Path) -> None:
    guest = ask(make_root(tmp_path))
    kernel = RELEASES["centos-7"][2]
    assert guest.unknown == ()
    assert guest.cut == ()
    assert (guest.os_version, guest.architecture, guest.hostname) == ("7.9.2009", "x86_64", "web-1")
    assert (guest.memory_mib, guest.memory_available_mib) == (7822, 6000)
    assert guest.mounts is not None
    assert [m.mount_point for m in guest.mounts] == ["/", "/boot", "/data of ours", "/nas"]
    assert guest.mount_of_path("/boot") == MountFacts("/boot", "/dev/vda2", 975, 615, "xfs", 65436, True, options="ro,relatime")
    assert guest.mounts[2].inodes_free is None
    assert guest.packages is not None
    assert (guest.packages.total, guest.packages.i686, guest.packages.i686_total) == (4, ("glibc.i686",), 1)
    assert guest.packages.third_party == ("nginx",)
    assert PackageFacts("nginx", "1.20.1-10.el7", "x86_64") in guest.packages.chosen
    assert guest.services is not None
    services = {s.name: (s.enabled, s.active) for s in guest.services}
    assert services["nginx"] == (True, True)
    assert services["getty@"] == (True, False)
    assert services["systemd-journald"] == (False, True)
    assert "aegis" not in services
    assert guest.listening is not None
    assert {(i.protocol, i.address, i.port) for i in guest.listening} == {
        ("udp", "127.0.0.1", 323),
        ("tcp", "0.0.0.0", 22),
        ("tcp", "*", 80),
        ("tcp", "[::]", 22),
    }
    assert guest.users == ("root:0", "nginx:997", "deploy:1000")
    assert guest.groups == ("wheel:10:deploy", "deploy:1000:")
    assert guest.interfaces == (InterfaceFacts("eth0", ("10.0.0.5/24",), "00:16:3e:00:00:01"),)
    assert guest.default_route == "default via 10.0.0.253 dev eth0"
    assert guest.dns == ("100.100.2.136", "100.100.2.138")
    assert guest.firewall == ""
    linux = guest.linux
    assert linux is not None
    assert linux.modules_out_of_tree == ("acme_fs",)
    assert linux.boot is not None
    assert linux.boot.default_kernel == kernel
    assert (linux.boot.images, linux.boot.missing_initramfs, linux.boot.grub_config) == ((kernel,), (), True)
    assert linux.boot.kernel_packaged is True
    assert linux.fstab is not None
    assert {e.spec: e.present for e in linux.fstab} == {
        "UUID=1111-2222": True,
        "/dev/vda2": True,
        "LABEL=nowhere": False,
        "UUID=gone": False,
        "nas.example:/x": None,
    }
    assert linux.repositories == (
        ("base", "http://mirrors.cloud.aliyuncs.com/centos/7"),
        ("epel", "https://mirrors.example/epel"),
    )
    assert linux.interface_pins == ("ifcfg-eth0",)
    assert linux.compiled_programs == ("/usr/local/bin/app", "/opt/tool/bin/tool")
    assert linux.python2_users == ("/usr/local/bin/old", "deploy: 0 3 * * * /usr/bin/python /srv/report.py")
    assert linux.cron == ("crontab: @daily root /opt/backup.sh", "deploy: 0 3 * * * /usr/bin/python /srv/report.py")
    assert (linux.proxy, linux.selinux, linux.clock_synchronised) == ("yum.conf", "disabled", True)
    assert (linux.security_agent, linux.package_manager_busy, linux.reboot_pending) == (False, False, False)
    assert GuestFacts.from_json(guest.to_json(), strict=True) == guest


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_says_the_same_in_every_shell(tmp_path: Path, shell: tuple[str, ...]) -> None:
    root = make_root(tmp_path)
    assert root.probe(shell).stdout == root.probe().stdout


@pytest.mark.parametrize("command", ["uname", "hostname", "df", "rpm", "systemctl", "ss", "ip"])
def test_a_failing_command_leaves_its_facts_unknown(tmp_path: Path, command: str) -> None:
    root = make_root(tmp_path)
    root.command(command, status=3)
    guest = ask(root)
    reasons = {why for _, why in guest.unknown}
    assert reasons & {"status 3", "unreadable"}, guest.unknown
    fact = {"uname": "kernel", "df": "mounts", "rpm": "packages", "systemctl": "services", "ss": "listening", "ip": "interfaces"}
    assert getattr(guest, fact.get(command, command)) is None


def test_a_bare_guest_is_mostly_unknown(tmp_path: Path) -> None:
    root = Root(tmp_path / "root", tmp_path / "bin")
    root.path.mkdir()
    for name in ("uname", "hostname", "df", "rpm", "systemctl", "ss", "ip", "free", "ls"):
        root.command(name, status=127)
    guest = ask(root)
    unknown = dict(guest.unknown)
    assert unknown["packages"] == "no such command"
    assert {"os", "kernel", "mounts", "services", "modules", "boot", "fstab"} <= set(unknown)
    assert (guest.os_id, guest.mounts, guest.services) == (None, None, None)


def test_memory_comes_from_free_without_proc(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    (root.path / "proc/meminfo").unlink()
    root.command(
        "free", ("*", "       total used free shared buff/cache available\nMem:   7821 1000 4000 10 2821 6100\nSwap: 0 0 0\n")
    )
    guest = ask(root)
    assert (guest.memory_mib, guest.memory_available_mib) == (7821, 6100)


def test_the_probe_changes_no_file(tmp_path: Path) -> None:
    root = make_root(tmp_path)

    def state() -> dict[str, tuple[int, bytes]]:
        return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(root.path.rglob("*")) if p.is_file()}

    before = state()
    ask(root)
    assert state() == before


def test_named_files_and_the_users_check(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    name = "/etc/it's ours.conf"
    root.write(name[1:], "port=80\n")
    guest = ask(root, files=[name, "/etc/none"], check="echo 'all good'; exit 3")
    digest = hashlib.sha256(b"port=80\n").hexdigest()
    assert guest.checksums == (ChecksumFacts(name, digest), ChecksumFacts("/etc/none", ""))
    assert guest.check == UserCheck(3, "all good")


def test_pending_updates_are_asked_only_on_demand(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    root.command("yum", ("*check-update*", "nginx 2\n"), status=100)
    guest, asked = ask(root), ask(root, updates=True)
    assert guest.linux is not None
    assert asked.linux is not None
    assert (guest.linux.updates_pending, asked.linux.updates_pending) == (None, True)


@pytest.mark.skipif(not shutil.which("timeout"), reason="coreutils' timeout is not installed")
def test_a_command_that_hangs_is_given_up(tmp_path: Path) -> None:
    """On a real guest (no GUEST_ROOT) every command has a time limit. This test shortens it."""
    root = make_root(tmp_path)
    for name, text in (("df", "sleep 20"), ("timeout", f'shift; exec {shutil.which("timeout")} 0.2 "$@"')):
        command = root.commands / name
        command.write_text(f"#!/bin/sh\n{text}\n")
        command.chmod(0o755)
    root.environment["GUEST_ROOT"] = ""
    guest = ask(root)
    assert dict(guest.unknown)["mounts"] == "took longer than 15 s"
    assert guest.hostname == "web-1"


def test_an_overlong_guest_is_cut_and_says_so(tmp_path: Path) -> None:
    root = make_root(tmp_path)
    root.write("etc/crontab", "".join(f"{n} * * * * root /opt/job-{n} {'x' * 400}\n" for n in range(500)))
    root.command(
        "systemctl", ("*unit-files*", "".join(f"unit-with-a-long-name-{n}.service enabled\n" for n in range(2000))), ("*", "")
    )
    root.command("ss", ("*", "".join(f"tcp LISTEN 0 128 0.0.0.0:{n} 0.0.0.0:*\n" for n in range(1, 3000))))
    root.write("etc/passwd", "".join(f"user{n}:x:{n}:{n}::/:/bin/sh\n" for n in range(5000)))
    run = root.probe()
    assert len(run.stdout) <= 20 * 1024 < MAX_ANSWER_BYTES
    guest = parse_probe_answer("linux", run.stdout)
    assert {"cron", "services", "listening", "users"} <= {name for name, _ in guest.cut}
    assert dict(guest.cut)["services"].endswith("of 2000 lines")
    assert guest.packages is not None


def test_the_script_fits_into_one_command() -> None:
    import base64

    for os_type in ("linux", "windows"):
        assert len(base64.b64encode(probe_script(os_type).encode())) < 21 * 1024


def test_the_script_fits_into_one_command_with_the_most_a_policy_may_name() -> None:
    import base64

    from shared.domain.policy import LONGEST_CHECK, MOST_FILES, PROBE_ROOM, parse_policy

    files = [f"/{number:02d}" + "x" * ((PROBE_ROOM - LONGEST_CHECK) // MOST_FILES - 4) for number in range(MOST_FILES)]
    policy = parse_policy({"files": files, "check": "x" * LONGEST_CHECK})
    for os_type in ("linux", "windows"):
        text = probe_script(os_type, files=policy.files, check=policy.check, updates=True)
        assert len(base64.b64encode(text.encode())) <= 23 * 1024, "1 KB is kept free for the next fact"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("full", [True, False], ids=["file", "as sent"])
def test_shellcheck_is_content(tmp_path: Path, full: bool) -> None:
    source = Path(__file__).parents[3] / "shared/probes/linux.sh"
    text = source.read_text() if full else probe_script("linux", files=["/a'b"], check="true")
    run = subprocess.run(
        ["shellcheck", "-s", "sh", *([] if full else ["-e", "SC2086,SC2015"]), "-"],
        input=text.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert run.stdout.decode() == ""
