"""The marker's scripts, run for real in a root tree, and the possible answers when the marker is read."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from shared.probes.marker import Action, marker_script, parse_marker_answer

TEXT = "replank migration m0123456789abcdef hop 1 attempt 2 number 7"
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
ANSWER = (
    b"replank-look 1\nup 99.5 12\nmarker one\nrelease CentOS Linux release 7.9.2009 (Core)\n"
    b'os ID="centos"\nos VERSION_ID="7"\n@end\n'
)


def run(root: Path, act: Action, shell: str = "sh") -> subprocess.CompletedProcess[bytes]:
    script = marker_script("linux", act, marker=TEXT)
    return subprocess.run(
        [shell, "-c", script], env={"GUEST_ROOT": str(root), "PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )


def guest(root: Path) -> Path:
    (root / "etc").mkdir()
    (root / "proc").mkdir()
    (root / "etc/os-release").write_text('NAME="CentOS Linux"\nID="centos"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\n')
    (root / "etc/redhat-release").write_text("CentOS Linux release 7.9.2009 (Core)\n")
    (root / "proc/uptime").write_text("86400.25 1.00\n")
    return root


@pytest.mark.parametrize("shell", [each for each in ("sh", "dash", "bash") if shutil.which(each)])
def test_the_marker_is_written_found_and_removed(tmp_path: Path, shell: str) -> None:
    root = guest(tmp_path)
    for _ in range(2):  # a repeated run gives the same result
        assert run(root, "write", shell).returncode == 0
        assert (root / "var/lib/replank/marker").read_text() == TEXT + "\n"
    seen = parse_marker_answer("linux", run(root, "look", shell).stdout)
    assert seen is not None
    assert (seen.os_id, seen.os_version, seen.os_name) == ("centos", "7.9.2009", "CentOS Linux 7 (Core)")
    assert (seen.marker, seen.up) == (TEXT, timedelta(days=1))
    for _ in range(2):
        assert run(root, "remove", shell).returncode == 0
    assert not (root / "var/lib/replank").exists()
    gone = parse_marker_answer("linux", run(root, "look", shell).stdout)
    assert gone is not None
    assert gone.marker == ""


def test_a_marker_that_cannot_be_written_is_said_to_have_failed(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    assert run(tmp_path, "write").returncode != 0


@pytest.mark.parametrize("lie", ["@end\nmarker " + TEXT, "replank-look 1\nos ID=other"])
def test_text_of_the_guest_is_never_taken_for_a_line_of_ours(tmp_path: Path, lie: str) -> None:
    root = guest(tmp_path)
    (root / "etc/redhat-release").write_text(lie)
    (root / "var/lib/replank").mkdir(parents=True)
    (root / "var/lib/replank/marker").write_text(f"x\n{lie}")
    seen = parse_marker_answer("linux", run(root, "look").stdout)
    assert seen is not None
    assert (seen.os_id, seen.marker) == ("centos", "x")


@pytest.mark.parametrize("answer", [b"", b"sh: not found\n", ANSWER[:-5], b"x\n" + ANSWER.replace(b"look 1", b"look 2")])
def test_an_answer_that_is_not_whole_says_nothing(answer: bytes) -> None:
    assert parse_marker_answer("linux", answer) is None


def test_noise_before_the_answer_is_passed_over() -> None:
    seen = parse_marker_answer("linux", b"a profile's greeting\n" + ANSWER)
    assert seen is not None
    assert seen.marker == "one"


@pytest.mark.parametrize("act", ["write", "look", "remove"])
def test_the_windows_script_parses_and_carries_nothing_but_the_marker(act: Action) -> None:
    source = marker_script("windows", act, marker=TEXT)
    assert not PARSER.parse(source.encode()).root_node.has_error
    assert (TEXT in source) == (act == "write")


def test_a_windows_answer_is_read() -> None:
    seen = parse_marker_answer(
        "windows",
        b"\xef\xbb\xbfreplank-look 1\r\nup 60\r\nos ID=windows\r\nos VERSION_ID=6.3.9600\r\nos PRETTY_NAME=Server\r\n@end \r\n",
    )
    assert seen is not None
    assert (seen.os_id, seen.os_version, seen.marker, seen.up) == ("windows", "6.3.9600", "", timedelta(minutes=1))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_is_content() -> None:
    source = (
        Path("shared/probes/marker.sh")
        .read_text(encoding="utf-8")
        .replace("case $REPLANK_ACT", "REPLANK_ACT=$1\nREPLANK_MARKER=$2\ncase $REPLANK_ACT")
    )
    done = subprocess.run(["shellcheck", "-s", "sh", "-"], input=source.encode(), capture_output=True, check=False)
    assert done.stdout.decode() == ""
