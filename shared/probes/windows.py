"""Reads facts from the JSON object in a Windows probe's answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from shared.domain.guest import (
    ChecksumFacts,
    GuestFacts,
    InterfaceFacts,
    ListenerFacts,
    MountFacts,
    ServiceFacts,
    UserCheck,
    WindowsFacts,
)
from shared.domain.text import plain_line
from shared.probes.frame import ProbeUnreadable

T = TypeVar("T")
END = "@end"
"""The text with which the last line of a Windows probe's complete answer begins."""


class FieldReader:
    """Reads the fields of a JSON object. The value of a missing or unreadable field is None, and the reason is stored."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.unknown: dict[str, str] = {}

    def read_field(self, name: str, reader: Callable[[Any], T]) -> T | None:
        """The value that ``reader`` returns for the field with this name.

        If the field cannot be read, returns None and adds the reason to ``unknown``.
        """
        value = self.fields.get(name)
        if value is None:
            self.unknown.setdefault(name, "not told")
            return None
        try:
            return reader(value)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            self.unknown[name] = "unreadable"
            return None


def parse_windows_answer(text: str) -> GuestFacts:
    """The facts in an answer of windows.ps1. Raises ProbeUnreadable if the answer is incomplete or unreadable."""
    document = FieldReader(_parsed_json_object(text))
    for name, reason in document.read_field("unknown", _text_pairs) or ():
        document.unknown[name] = reason
    system = FieldReader(document.read_field("os", dict) or {})
    network = FieldReader(document.read_field("network", dict) or {})
    health = FieldReader(document.read_field("health", dict) or {} if "health" in document.fields else {})
    facts = GuestFacts(
        os_id="windows",
        os_version=system.read_field("version", _plain_text),
        os_name=system.read_field("caption", _plain_text),
        kernel=system.read_field("version", _plain_text),
        architecture=_architecture_name(system.read_field("architecture", _plain_text)),
        hostname=document.read_field("hostname", _plain_text),
        cpu=document.read_field("cpu", _whole_number),
        memory_mib=document.read_field("memory_mib", _whole_number),
        mounts=document.read_field("volumes", lambda v: tuple(map(_volume_facts, v))),
        services=document.read_field("services", lambda v: tuple(map(_service_facts, v))),
        listening=document.read_field("listening", lambda v: tuple(map(_listener_facts, v))),
        users=document.read_field("users", _plain_texts),
        interfaces=network.read_field("interfaces", lambda v: tuple(map(_interface_facts, v))),
        default_route=network.read_field("default_route", _plain_text),
        dns=network.read_field("dns", _plain_texts),
        checksums=tuple(map(_checksum_facts, document.fields.get("checksums") or ())),
        check=_user_check_result(document.fields.get("check")),
        windows=_windows_facts(document, system, health),
        cut=tuple(document.read_field("cut", _text_pairs) or ()),
    )
    gaps = {
        **document.unknown,
        **{f"os.{k}": v for k, v in system.unknown.items()},
        **{f"network.{k}": v for k, v in network.unknown.items()},
        **({f"health.{k}": v for k, v in health.unknown.items()} if "health" in document.fields else {}),
    }
    for optional in ("unknown", "cut"):
        gaps.pop(optional, None)
    return GuestFacts(**{**facts.__dict__, "unknown": tuple(sorted(gaps.items()))})


def _parsed_json_object(text: str) -> dict[str, Any]:
    lines = [line for line in text.split("\n") if line.strip()]
    ends = [at for at, line in enumerate(lines) if line.startswith(END)]
    lines = lines[: ends[-1] + 1] if ends else lines  # a profile or an agent printed the lines after the end marker
    if not lines[-1].startswith(END):
        whole = lines[0].lstrip().startswith("{")
        raise ProbeUnreadable("Probe.Truncated" if whole else "Probe.Garbage", f"the answer ends with {lines[-1][-60:]!r}")
    try:
        # The object is one line. Lines above it are errors of commands, and hold no facts.
        fields = json.loads(
            lines[-2] if len(lines) > 2 and lines[-2].startswith("{") and lines[-2].endswith("}") else "\n".join(lines[:-1])
        )
    except (ValueError, RecursionError):
        raise ProbeUnreadable("Probe.Garbage", f"the answer is no JSON; it begins with {lines[0][:60]!r}") from None
    if not isinstance(fields, dict):
        raise ProbeUnreadable("Probe.Garbage", "the answer is not a JSON object")
    if fields.get("probe", 1) != 1:
        raise ProbeUnreadable("Probe.VersionUnknown", f"the answer is of version {str(fields['probe'])[:20]}")
    return fields


def _plain_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return plain_line(value).strip()


def _plain_texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_plain_text, value)) if isinstance(value, list) else _raise_value_error(value)


def _raise_value_error(value: Any) -> Any:
    raise ValueError(value)


def _whole_number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(value)
    return value


def _boolean_value(value: Any) -> bool:
    return value if isinstance(value, bool) else bool(_raise_value_error(value))


def _text_pairs(value: Any) -> list[tuple[str, str]]:
    return [(_plain_text(name), _plain_text(reason)) for name, reason in value]


def _architecture_name(text: str | None) -> str | None:
    return "x86_64" if text and "64" in text else text


def _volume_facts(row: Any) -> MountFacts:
    drive = _plain_text(row["drive"])
    return MountFacts(
        drive, drive, _whole_number(row["size_mib"]), _whole_number(row["free_mib"]), serial=_plain_text(row.get("serial") or "")
    )


def _service_facts(row: Any) -> ServiceFacts:
    return ServiceFacts(
        _plain_text(row["name"]),
        _plain_text(row["start_mode"]).lower().startswith("auto"),
        _plain_text(row["state"]).lower() == "running",
    )


def _listener_facts(row: Any) -> ListenerFacts:
    if isinstance(row, dict):
        return ListenerFacts(
            _plain_text(row.get("protocol", "tcp")), _plain_text(row.get("address", "")), _whole_number(row["port"])
        )
    words = _plain_text(row).replace(":", " ", 1).split(" ") if " " not in _plain_text(row) else _plain_text(row).split(" ")
    return ListenerFacts(words[0], " ".join(words[1:-1]), _whole_number(int(words[-1])))


def _interface_facts(row: Any) -> InterfaceFacts:
    return InterfaceFacts(_plain_text(row["name"]), _plain_texts(row.get("addresses", [])), _plain_text(row.get("mac") or ""))


def _checksum_facts(row: Any) -> ChecksumFacts:
    try:
        return ChecksumFacts(_plain_text(row["path"]), _plain_text(row["sha256"]))
    except (ValueError, KeyError, TypeError):
        raise ProbeUnreadable("Probe.Garbage", f"a checksum cannot be read: {str(row)[:60]}") from None


def _user_check_result(row: Any) -> UserCheck | None:
    if not isinstance(row, dict) or not isinstance(row.get("exit_status"), int):
        return None
    return UserCheck(abs(row["exit_status"]), plain_line(str(row.get("output", "")))[:200])


def _windows_facts(document: FieldReader, system: FieldReader, health: FieldReader) -> WindowsFacts:
    return WindowsFacts(
        build=system.read_field("build", _plain_text),
        language=system.read_field("language", _plain_text),
        windows_dir_mib=document.read_field("windows_dir_mib", _whole_number),
        pending_reboot=document.read_field("pending_reboot", _boolean_value),
        domain_controller=document.read_field("domain_controller", _boolean_value),
        clustered=document.read_field("clustered", _boolean_value),
        bitlocker=document.read_field("bitlocker", _boolean_value),
        page_files=document.read_field("page_files", _plain_texts),
        activated=document.read_field("activated", _boolean_value),
        antivirus=document.read_field("antivirus", _plain_texts),
        filter_drivers=document.read_field("filter_drivers", _plain_texts),
        metadata_answers=health.read_field("metadata", _boolean_value),
        names_resolve=health.read_field("names", _boolean_value),
        clock_in_step=health.read_field("clock", _boolean_value),
    )
