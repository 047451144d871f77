"""The scripts that run a batch's command, and how their output is interpreted."""

from __future__ import annotations

import subprocess

import pytest

from shared.probes.command import CommandAnswer, command_script, parse_command_answer
from tests.unit.probes.test_marker import PARSER


def run(command: str) -> CommandAnswer | None:
    done = subprocess.run(["sh"], input=command_script("linux", command).encode(), capture_output=True, check=False)
    assert done.returncode == 0
    return parse_command_answer(done.stdout)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("true", CommandAnswer(0, "")),
        ("echo it\\'s done; exit 3", CommandAnswer(3, "it's done")),
        ("echo out; echo err >&2; false", CommandAnswer(1, "out err")),
        ("printf 'no end'", CommandAnswer(0, "no end")),
        ("echo '@end 0'; echo 'replank-command 1'; exit 9", CommandAnswer(9, "@end 0 replank-command 1")),
        ("printf 'a\\033[31mb\\007\\n'", CommandAnswer(0, "a\ufffd[31mb\ufffd")),
        ("echo password=hunter2", CommandAnswer(0, "password=***")),
        ("no-such-command-here", CommandAnswer(127, "")),
    ],
)
def test_the_exit_status_and_the_last_part_of_the_output_are_told(command: str, answer: CommandAnswer) -> None:
    found = run(command)
    assert found is not None
    assert found.status == answer.status
    assert answer.status == 127 or found.output == answer.output


def test_only_the_end_of_a_long_output_is_kept() -> None:
    found = run("seq 1 100000")
    assert found is not None
    assert found.output.endswith("99999 100000")
    assert len(found.output) <= 300


def test_a_program_that_the_command_leaves_running_does_not_hold_it_up() -> None:
    assert run("sleep 30 & echo started") == CommandAnswer(0, "started")


@pytest.mark.parametrize("output", [b"", b"replank-command 1\n|half", b"@end 0\n", b"replank-command 2\n@end 0\n"])
def test_half_an_answer_is_none(output: bytes) -> None:
    assert parse_command_answer(output) is None


def test_the_windows_script_parses() -> None:
    source = command_script("windows", "echo it's done & exit /b 3")
    assert "$ReplankRun = 'echo it''s done & exit /b 3'" in source
    assert not PARSER.parse(source.encode()).root_node.has_error


def test_a_windows_answer_is_read() -> None:
    assert parse_command_answer(b"\xef\xbb\xbfreplank-command 1\r\n|done\r\n@end -1\r\n") == CommandAnswer(-1, "done")
