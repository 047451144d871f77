"""Answers that are not what the probe writes: each is an error with a code, and becomes a finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.findings import Severity
from shared.probes import MAX_ANSWER_BYTES, GuestFacts, ProbeUnreadable, finding_for_unreadable, parse
from tests.support.roots import make_root

WHOLE = b"replank-probe 1 linux\n@kernel\n 5.10.0\n@rc 0\n@end 1\n"


def code_of(answer: bytes, *, os_type: str = "linux", truncated: bool = False) -> str:
    with pytest.raises(ProbeUnreadable) as caught:
        parse(os_type, answer, truncated=truncated)
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
def test_unreadable(answer: bytes, code: str) -> None:
    assert code_of(answer) == code


def test_what_cloud_assistant_cut_is_not_believed() -> None:
    assert code_of(WHOLE, truncated=True) == "Probe.Truncated"


def test_it_becomes_a_finding_that_blocks() -> None:
    finding = finding_for_unreadable(ProbeUnreadable("Probe.Empty", "the guest answered nothing"))
    assert (finding.code, finding.severity, finding.seen) == ("Probe.Empty", Severity.ERROR, "the guest answered nothing")


def test_one_section_is_enough_and_the_rest_is_unknown() -> None:
    guest = parse("linux", WHOLE)
    assert guest.kernel == "5.10.0"
    assert ("mounts", "not told") in guest.unknown


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
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
    """Either facts that can be stored, or ProbeUnreadable."""
    try:
        guest = parse(os_type, answer)
    except ProbeUnreadable:
        return
    assert GuestFacts.from_json(guest.to_json()) == guest


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_root(tmp_path_factory.mktemp("guest")).probe().stdout


@given(data=st.data())
@settings(max_examples=300, deadline=None)
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
