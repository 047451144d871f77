"""A guest's commands as shell functions and as files on PATH: no script can tell the two apart."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from localcloud.ecs.guest import facts, linux
from localcloud.ecs.guest.folders import FUNCTIONS, Folder, Folders
from localcloud.ecs.guest.functions import prepared
from tests.contract.localcloud.ecs_support import CENTOS, GUESTS, Account, account

RECORD = {
    "InstanceId": CENTOS,
    "HostName": "web1",
    "OSType": "linux",
    "OSName": "CentOS 7.9 64 bit",
    "OSNameEn": "CentOS 7.9 64 bit",
    "Cpu": 2,
    "Memory": 4096,
    "VpcAttributes": {"PrivateIpAddress": {"IpAddress": ["10.0.0.5"]}},
    "InnerIpAddress": {"IpAddress": []},
}
SHELLS = [["sh"], ["bash", "--posix"]]
ALL = "df -PT / /data; uname -a; systemctl is-active sshd; systemctl is-enabled none; systemctl; ss; hostname -I; hostname; ip addr"
NAMES = "set -efu; set -- a,b c; IFS=,; device=1 row=2 node=3 best=4 unit=5 verb=6; row() { printf own; }"
SCRIPTS = [
    "uname -a; uname -r; hostname; hostname -I; nproc; free -m; mysql --version; mysqld --version; ip -o addr; ip route",
    "df; df -Pk; df -Pi; df -hT; df -B1; df -m / /data /data/x /nowhere; ss -ltun; ss -H; date +%s",
    "rpm -qa; rpm -q kernel none; echo $?; rpm -qa --qf '%{NAME}\\t%{VENDOR}\\n' 'k*' mysql; rpm -E '%{_arch}'",
    "systemctl; systemctl --failed; systemctl list-unit-files; systemctl is-active sshd none; systemctl is-enabled none; echo $?",
    "systemctl stop sshd; systemctl disable sshd; systemctl is-enabled sshd; cat $GUEST_ROOT/.guest/services",
    "timedatectl; getent hosts a.example; findmnt --verify; yum -q -C check-update; echo $?; curl -s http://x/; echo $?",
    "set -eux; hostname; systemctl is-active none || echo $?; systemctl is-active none; echo not reached",
    'set -f; IFS=:; df -P /; rpm -q kernel; systemctl list-units; printf %s "$IFS"',
    "unit=9 name=q verb=stop; df; systemctl is-active sshd; printf '%s\\n' \"$unit $name $verb\"",
    "echo() { :; }; awk() { :; }; read() { :; }; uname; df -P; rpm -q kernel",
    "df() { printf mine; }; df; command df -P; unset -f df; df -P",
    "trap 'printf bye' EXIT; hostname; (uname -r); hostname | cat; hostname & wait $!; exec hostname",
    'p=$(command -v df); [ -x "$p" ] && echo a file; command -v df >/dev/null && echo there',
    "type df | grep -c shims; hash df",
    "PATH=/usr/bin:/bin; uname -s",
    "LC_ALL=C df -P; IFS=: hostname; env hostname; sh -c 'df -P'; nohup uname -r; echo hostname | xargs env",
    "readonly name unit; df; systemctl is-active sshd",
    "mkdir .guest/bin; printf '#!/bin/sh\\necho own\\n' >\"$GUEST_ROOT/.guest/bin/df\"; chmod +x .guest/bin/*; df",
    "#!/bin/sh\n# its lines keep their numbers\nhostname\necho $LINENO; nonesuch",
    "",
    f"set >before; {ALL}; set >after; diff before after | grep '^[<>] [a-z]'",
    f"{NAMES}; {ALL}; printf '%s ' $device $row $node $best $unit $verb; row; printf '%s ' $# $1 \"$-\" | tr -d his",
    "set -e; df >/dev/null; systemctl is-enabled none 2>/dev/null && echo never; systemctl is-active none; echo not reached",
    "set -a; df >/dev/null; unit=3; env | grep -c -e ^device= -e ^unit=; f() { local unit=1; df >/dev/null; printf %s $unit; }; f",
    "for f in $(systemctl list-unit-files | cut -d. -f1) none; do systemctl is-enabled $f || break; done; printf %s $f $?",
    'rm "$GUEST_ROOT/.guest/uname"; uname -r; printf %s $?',
]


@pytest.fixture(scope="module")
def folders() -> Folders:
    return Folders()


def printed(shell: list[str], folders: Folders, script: str, root: Path) -> tuple[int, str]:
    """The status and output of a script in a fresh guest."""
    shutil.rmtree(root, ignore_errors=True)
    guest = facts.complete(RECORD, GUESTS[CENTOS])
    trees = {"": linux.system_tree(guest), "data": linux.data_tree(guest["disks"][0])}
    Folder(root, (("", "1"), ("data", "2")), trees)
    (root.parent / "script").write_text(script)
    host = os.environ["PATH"]
    environment = {"GUEST_ROOT": str(root), "GUEST_EPOCH": "1700000000", "HOST_PATH": host, "LC_ALL": "C"}
    environment |= {"PATH": f"{root}/.guest/bin:{folders.commands}/linux:{host}"}
    ran = subprocess.run(
        [*shell, str(root.parent / "script")],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=20,
        check=False,
    )
    return ran.returncode, ran.stdout.decode()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", SHELLS, ids=["sh", "bash"])
def test_no_script_can_tell(folders: Folders, shell: list[str], script: str, tmp_path: Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} here")
    files = printed(shell, folders, script, tmp_path / "root")
    assert printed(shell, folders, prepared(script, folders.commands / FUNCTIONS), tmp_path / "root") == files


def test_most_scripts_get_the_functions(folders: Folders) -> None:
    made = folders.commands / FUNCTIONS
    got = [script for script in SCRIPTS if prepared(script, made) != script]
    assert len(got) > len(SCRIPTS) / 2
    # systemd-run cannot be a function's name, so it is found on PATH, as every program is.
    assert {shim.name for shim in (folders.commands / "linux").iterdir() if shim.name.isidentifier()} <= set(
        re.findall(r"^(\w+)\(\)", made.read_text(), re.MULTILINE)
    )


def test_a_guests_own_commands_come_first() -> None:
    own = {"disks": [{"size_gib": 40, "files": {".guest/bin/rpm": "x"}}]}
    with account() as cloud:
        cloud.load(guests={CENTOS: own})
        change = 'printf \'#!/bin/sh\\necho own\\n\' >"$GUEST_ROOT/.guest/bin/rpm"; chmod +x "$GUEST_ROOT/.guest/bin/rpm"'
        cloud.run(CENTOS, change)
        assert own_version(cloud) == "own\n"


def own_version(cloud: Account) -> str:
    """The output of the guest's rpm."""
    return cloud.run(CENTOS, "rpm -q kernel")[1]


HEALTH = """
timedatectl | grep -o 'synchronized: .*'
getent hosts mirrors.example | wc -l
curl -s http://100.100.100.200/latest/meta-data/
yum -q -C check-update >/dev/null
echo " $?"
findmnt --verify | head -n 1
"""


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({}, "synchronized: yes\n1\n200 0\nSuccess, no errors or warnings detected\n"),
        ({"clock": False, "names": False, "metadata": False, "updates": True}, "synchronized: no\n0\n000 100\n/srv\n"),
    ],
    ids=["well", "ill"],
)
def test_a_guest_tells_how_it_is(health: dict[str, bool], said: str) -> None:
    fstab = {"etc/fstab": "/dev/vda1 / ext4 defaults 1 1\n" + ("/dev/vdz1 /srv ext4 defaults 0 0\n" if health else "")}
    with account() as cloud:
        cloud.load(guests={CENTOS: {"health": health, "disks": [{"size_gib": 40, "mount": "/", "files": fstab}]}})
        assert cloud.run(CENTOS, HEALTH)[1] == said


def test_programs_and_links_stay_when_a_disk_changes() -> None:
    disk = {
        "size_gib": 40,
        "mount": "/",
        "files": {"opt/job": "#!/bin/sh\necho ran\n"},
        "links": {"app": "/data/app", "here": "opt"},
    }
    with account() as cloud:
        cloud.load(guests={CENTOS: {"disks": [disk]}})
        cloud.run(CENTOS, 'echo x >"$GUEST_ROOT/new"')
        look = 'cd "$GUEST_ROOT"; cat new; readlink app here; opt/job'
        assert cloud.run(CENTOS, look)[1] == "x\n/data/app\nopt\nran\n"
