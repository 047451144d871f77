"""Answers that the probe would not write: each is an error with a code, and becomes a finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.findings import Severity
from shared.domain.guest import GuestFacts
from shared.probes import MAX_ANSWER_BYTES, ProbeUnreadable, finding_for_unreadable_answer, parse_probe_answer
from tests.support.roots import make_root

WHOLE = b"replank-probe 1 linux\n@kernel\n 5.10.0\n@rc 0\n@end 1\n"


def code_of(answer: bytes, *, os_type: str = "linux", truncated: bool = False) -> str:
    with pytest.raises(ProbeUnreadable) as caught:
        parse_probe_answer(os_type, answer, truncated=truncated)
    return caught.value.code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "Probe.Empty"),
        (b" \n\n", "Probe.Empty"),
        (b"bash: command not found\n", "Probe.Garbage"),
        (b"\x00\xff\xfe garbage", "Probe.Garbage"),
        (b"x" * (MAX_ANSWER_BYTES + 1), "Probe.TooLarge"),
        (WHOLE[:-8], "Probe.Truncated"),
        (WHOLE[22:], "Probe.Truncated"),
        (WHOLE.replace(b"1 linux", b"2 linux"), "Probe.VersionUnknown"),
        (WHOLE.replace(b"@end 1", b"@end 2"), "Probe.Garbage"),
        (WHOLE.replace(b"@rc 0", b"@rc zero"), "Probe.Garbage"),
        (WHOLE.replace(b" 5.10.0", b"5.10.0"), "Probe.Garbage"),
        (WHOLE.replace(b"@rc 0\n", b""), "Probe.Garbage"),
    ],
)
def test_an_unreadable_answer_raises_its_code(answer: bytes, code: str) -> None:
    assert code_of(answer) == code


def test_what_cloud_assistant_cut_is_not_believed() -> None:
    assert code_of(WHOLE, truncated=True) == "Probe.Truncated"


def test_it_becomes_a_finding_that_blocks() -> None:
    finding = finding_for_unreadable_answer(ProbeUnreadable("Probe.Empty", "the guest answered nothing"))
    assert (finding.code, finding.severity, finding.seen) == ("Probe.Empty", Severity.ERROR, "the guest answered nothing")


@pytest.mark.parametrize(
    "before", [b"", b"Welcome to ECS!\nLast login: today\n", b"@not ours\n\n", WHOLE.replace(b"5.10.0", b"9.9")]
)
@pytest.mark.parametrize("after", [b"", b"logout\n", b"\n\nbash: warning: x\n"])
def test_noise_around_the_answer_says_nothing(before: bytes, after: bytes) -> None:
    assert parse_probe_answer("linux", before + WHOLE + after).kernel == "5.10.0"


@pytest.mark.parametrize(("before", "after"), [(b"Welcome!\n", b""), (b"", b"bye\n"), (b"a\n", b"b\n")])
def test_noise_around_an_answer_of_windows(before: bytes, after: bytes) -> None:
    answer = b'{"probe":1,"hostname":"WEB-1"}\n@end replank-probe 1 windows\n'
    assert parse_probe_answer("windows", before + answer + after).hostname == "WEB-1"


def test_one_section_is_enough_and_the_rest_is_unknown() -> None:
    guest = parse_probe_answer("linux", WHOLE)
    assert guest.kernel == "5.10.0"
    assert ("mounts", "not told") in guest.unknown


@given(st.binary(max_size=300))
@settings(max_examples=200)
@example(b"@end 0")
@example(b"replank-probe 1 linux\n@end 0")
@example(b"{}\n@end")
@example(b"\xef\xbb\xbf")
@example(b"\x1c")
@example(b"\xc2\x85")
def test_no_bytes_crash_the_reader(answer: bytes) -> None:
    for os_type in ("linux", "windows"):
        tolerant(os_type, answer)


def tolerant(os_type: str, answer: bytes) -> None:
    """Parse an answer: either facts that can be stored, or ProbeUnreadable."""
    try:
        guest = parse_probe_answer(os_type, answer)
    except ProbeUnreadable:
        return
    assert GuestFacts.from_json(guest.to_json()) == guest


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_root(tmp_path_factory.mktemp("guest")).probe().stdout


@given(data=st.data())
@settings(max_examples=300)
def test_no_damage_to_a_real_answer_crashes_the_reader(real: bytes, data: st.DataObject) -> None:
    lines = real.split(b"\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "double", "garble", "swap"]))
        if what == "drop" and len(lines) > 1:
            del lines[at]
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "garble":
            lines[at] = lines[at][:1] + data.draw(st.binary(max_size=12).filter(lambda b: b"\n" not in b))
        else:
            lines[at], lines[0] = lines[0], lines[at]
    tolerant("linux", b"\n".join(lines))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_half_an_answer_is_recognised(real: bytes, share: float) -> None:
    assert code_of(real[: int(len(real) * share)]) in ("Probe.Truncated", "Probe.Garbage")


def test_the_script_names_its_version_once() -> None:
    text = (Path(__file__).parents[3] / "shared/probes/linux.sh").read_text()
    assert 'print "replank-probe 1 linux"' in text


def test_an_answer_of_an_older_probe_is_read() -> None:
    """Functions of two versions run together during a deployment. Facts that the older probe did not report are unknown."""
    sections = {
        "mounts": " /dev/vda1 ext4 2048 1024 5 ro - /\n",
        "fstab": " UUID=1 / ext4 defaults yes\n LABEL=x /x xfs defaults,nofail ?\n",
        "state": " security-agent yes\n package-manager-busy no\n",
        "modules": "",
    }
    body = "".join(f"@{name}\n{lines}@rc 0\n" for name, lines in sections.items())
    guest = parse_probe_answer("linux", f"replank-probe 1 linux\n{body}@end {len(sections)}\n".encode())
    assert guest.linux is not None
    assert [(e.spec, e.present) for e in guest.linux.fstab or ()] == [("UUID=1", True), ("LABEL=x", None)]
    assert [(m.mount_point, m.read_only, m.options) for m in guest.mounts or ()] == [("/", True, "")]
    assert (guest.linux.security_agent, guest.linux.package_manager_busy) == (True, False)
    newer = (
        "modules",
        "root_links",
        "package_locks",
        "lock_holders",
        "fstab_errors",
        "metadata_answers",
        "fips",
        "kernel_arguments",
    )
    assert [name for name in newer if getattr(guest.linux, name) is not None] == []
