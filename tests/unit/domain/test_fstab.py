"""fstab as mount and systemd parse it. If this machine has libmount (findmnt), the results are compared with it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.fstab import ReportedDevices, is_network_mount, is_required_at_boot, parse_fstab_line, udev_link_name
from shared.domain.guest import FstabFacts

NOTHING = ReportedDevices()


def entry(line: str) -> FstabFacts:
    found = parse_fstab_line(line, NOTHING)
    assert found is not None
    return found


@pytest.mark.parametrize("line", ["", "   ", "# UUID=1 / ext4", "  # indented", "/dev/vda1"])
def test_lines_that_are_no_entries(line: str) -> None:
    assert parse_fstab_line(line, NOTHING) is None


@pytest.mark.parametrize(
    ("line", "awaited"),
    [
        ("UUID=1 /d ext4 defaults 0 0", True),
        ("UUID=1\t/d\text4", True),
        ("/dev/vdb1 /d xfs noatime 0 2", True),
        ("/dev/vdb1 /d xfs defaults,nofail", False),
        ("/dev/vdb1 /d xfs nofail,fail", True),
        ("/dev/vdb1 /d xfs defaults,noauto", False),
        ("/dev/vdb1 /d xfs noauto,auto", True),
        ("/dev/vdb1 /d xfs x-systemd.automount", False),
        ("/dev/vdb1 /d xfs comment=systemd.automount", False),
        ("/dev/vdb1 /d xfs x-systemd.device-timeout=10", True),
        ("/dev/vdb1 /d xfs x-systemd.requires=a.service", True),
        ("/dev/vdb1 /d xfs x-systemd.wanted-by=a.service", False),
        ("/dev/vdb1 /d xfs _netdev", False),
        ("/dev/vdb1 /d xfs nofailure", True),
        ("nas:/x /d nfs defaults", False),
        ("nas:/x /d nfs4 hard", False),
        ("//nas/x /d cifs guest", False),
        ("bucket /d fuse.ossfs allow_other", True),
        ("ossfs#bucket /d fuse _netdev,allow_other", False),
        ("a@b:/ /d fuse.sshfs defaults", False),
        ("/dev/vdb2 none swap sw", False),
        ("/dev/vdb2 swap swap defaults", False),
        ("/a /b none bind", True),
    ],
)
def test_what_the_start_waits_for(line: str, awaited: bool) -> None:
    assert is_required_at_boot(entry(line)) is awaited


def test_kinds_of_the_network() -> None:
    assert [is_network_mount(entry(f"x /d {kind}")) for kind in ("nfs", "ceph", "fuse.glusterfs", "ext4", "xfs")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("value", "link"),
    [("/data", "\\x2fdata"), ("my disk", "my\\x20disk"), ("a.b-c_d:1", "a.b-c_d:1"), ("\\", "\\x5c"), ("数据", "数据")],
)
def test_names_of_links_as_udev_writes_them(value: str, link: str) -> None:
    assert udev_link_name(value) == link


def test_a_device_is_unknown_where_nobody_could_look() -> None:
    assert entry("UUID=1 /d ext4").present is None
    assert entry("/dev/vdb1 /d ext4").present is None
    assert parse_fstab_line("UUID=1 /d ext4", ReportedDevices(places=["/dev/disk"], whole=False)) == FstabFacts(
        "UUID=1", "/d", "ext4", "defaults"
    )


NAMES = st.text(st.sampled_from("ab/ .-_\\#\t\u6570"), min_size=1, max_size=8)
TAGGED = st.builds(lambda tag, value: f"{tag}={value}", st.sampled_from(["UUID", "LABEL", "PARTUUID", "PARTLABEL"]), NAMES)
SOURCES = st.one_of(TAGGED, NAMES.map(lambda name: f"/dev/{name}"), st.sampled_from(["nas:/x", "//nas/a b", "tmpfs", "ossfs#b"]))


def escaped(text: str) -> str:
    return re.sub(r"[\\ \t#]", lambda found: f"\\{ord(found[0]):03o}", text)


@pytest.mark.skipif(not shutil.which("findmnt"), reason="findmnt is not installed")
@given(
    source=SOURCES,
    target=NAMES,
    options=st.sampled_from(["defaults", "ro,nofail", "x-systemd.automount,noauto"]),
    gap=st.sampled_from(" \t"),
)
@settings(max_examples=60)
def test_reads_a_line_as_libmount_does(
    source: str, target: str, options: str, gap: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table: Path = tmp_path_factory.mktemp("fstab") / "fstab"
    line = gap.join((escaped(source), "/" + escaped(target), "ext4", options, "0", "0"))
    table.write_text(line + "\n")
    run = subprocess.run(
        ["findmnt", "--tab-file", str(table), "--pairs", "--output", "SOURCE,TARGET,FSTYPE,OPTIONS"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    judged = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', run.stdout.decode())
    said = [re.sub(rb"\\x([0-9a-f]{2})", lambda b: bytes([int(b[1], 16)]), value.encode()).decode() for _, value in judged]
    found = entry(line)
    assert [found.spec, found.mount_point, found.file_system, found.options] == said


@pytest.mark.parametrize(
    ("source", "spec"),
    [('LABEL="data"', "LABEL=data"), ("LABEL='data'", "LABEL=data"), ('LABEL="da', 'LABEL="da'), ('LABEL="""', 'LABEL="')],
)
def test_quotes_of_a_tag_are_removed_only_in_pairs(source: str, spec: str) -> None:
    assert entry(f"{source} /d ext4").spec == spec


def test_an_entry_of_two_fields_gets_mounts_defaults() -> None:
    assert (entry("/dev/vdb1 /d").file_system, entry("/dev/vdb1 /d").options) == ("auto", "defaults")
