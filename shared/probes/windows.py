"""Reads facts from the JSON object of a Windows answer."""

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
from shared.domain.text import plain
from shared.probes.frame import ProbeUnreadable

T = TypeVar("T")
END = "@end"
"""The beginning of the last line in a complete answer."""


class Document:
    """Reads the fields of a JSON object. A missing or unreadable field is None, and the reason is noted."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.unknown: dict[str, str] = {}

    def read(self, name: str, reader: Callable[[Any], T]) -> T | None:
        """The value that ``reader`` returns for a field. If the field cannot be read, it is None and the reason is noted."""
        value = self.fields.get(name)
        if value is None:
            self.unknown.setdefault(name, "not told")
            return None
        try:
            return reader(value)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            self.unknown[name] = "unreadable"
            return None


def parse_windows(text: str) -> GuestFacts:
    """The facts in an answer of windows.ps1. Raises ProbeUnreadable."""
    document = Document(_load(text))
    for name, reason in document.read("unknown", _pairs) or ():
        document.unknown[name] = reason
    system = Document(document.read("os", dict) or {})
    network = Document(document.read("network", dict) or {})
    health = Document(document.read("health", dict) or {} if "health" in document.fields else {})
    facts = GuestFacts(
        os_id="windows",
        os_version=system.read("version", _text),
        os_name=system.read("caption", _text),
        kernel=system.read("version", _text),
        architecture=_architecture(system.read("architecture", _text)),
        hostname=document.read("hostname", _text),
        cpu=document.read("cpu", _whole),
        memory_mib=document.read("memory_mib", _whole),
        mounts=document.read("volumes", lambda v: tuple(map(_volume, v))),
        services=document.read("services", lambda v: tuple(map(_service, v))),
        listening=document.read("listening", lambda v: tuple(map(_listener, v))),
        users=document.read("users", _texts),
        interfaces=network.read("interfaces", lambda v: tuple(map(_interface, v))),
        default_route=network.read("default_route", _text),
        dns=network.read("dns", _texts),
        checksums=tuple(map(_checksum, document.fields.get("checksums") or ())),
        check=_user_check(document.fields.get("check")),
        windows=_windows(document, system, health),
        cut=tuple(document.read("cut", _pairs) or ()),
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


def _load(text: str) -> dict[str, Any]:
    lines = [line for line in text.split("\n") if line.strip()]
    ends = [at for at, line in enumerate(lines) if line.startswith(END)]
    lines = lines[: ends[-1] + 1] if ends else lines  # what a profile or an agent printed after it says nothing
    if not lines[-1].startswith(END):
        whole = lines[0].lstrip().startswith("{")
        raise ProbeUnreadable("Probe.Truncated" if whole else "Probe.Garbage", f"the answer ends with {lines[-1][-60:]!r}")
    try:
        # The object is one line. What may stand above it came from a command beside its output, and says nothing.
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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return plain(value).strip()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else _fail(value)


def _fail(value: Any) -> Any:
    raise ValueError(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(value)
    return value


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else bool(_fail(value))


def _pairs(value: Any) -> list[tuple[str, str]]:
    return [(_text(name), _text(reason)) for name, reason in value]


def _architecture(text: str | None) -> str | None:
    return "x86_64" if text and "64" in text else text


def _volume(row: Any) -> MountFacts:
    drive = _text(row["drive"])
    return MountFacts(drive, drive, _whole(row["size_mib"]), _whole(row["free_mib"]), serial=_text(row.get("serial") or ""))


def _service(row: Any) -> ServiceFacts:
    return ServiceFacts(
        _text(row["name"]), _text(row["start_mode"]).lower().startswith("auto"), _text(row["state"]).lower() == "running"
    )


def _listener(row: Any) -> ListenerFacts:
    if isinstance(row, dict):
        return ListenerFacts(_text(row.get("protocol", "tcp")), _text(row.get("address", "")), _whole(row["port"]))
    words = _text(row).replace(":", " ", 1).split(" ") if " " not in _text(row) else _text(row).split(" ")
    return ListenerFacts(words[0], " ".join(words[1:-1]), _whole(int(words[-1])))


def _interface(row: Any) -> InterfaceFacts:
    return InterfaceFacts(_text(row["name"]), _texts(row.get("addresses", [])), _text(row.get("mac") or ""))


def _checksum(row: Any) -> ChecksumFacts:
    try:
        return ChecksumFacts(_text(row["path"]), _text(row["sha256"]))
    except (ValueError, KeyError, TypeError):
        raise ProbeUnreadable("Probe.Garbage", f"a checksum cannot be read: {str(row)[:60]}") from None


def _user_check(row: Any) -> UserCheck | None:
    if not isinstance(row, dict) or not isinstance(row.get("exit_status"), int):
        return None
    return UserCheck(abs(row["exit_status"]), plain(str(row.get("output", "")))[:200])


def _windows(document: Document, system: Document, health: Document) -> WindowsFacts:
    return WindowsFacts(
        build=system.read("build", _text),
        language=system.read("language", _text),
        windows_dir_mib=document.read("windows_dir_mib", _whole),
        pending_reboot=document.read("pending_reboot", _flag),
        domain_controller=document.read("domain_controller", _flag),
        clustered=document.read("clustered", _flag),
        bitlocker=document.read("bitlocker", _flag),
        page_files=document.read("page_files", _texts),
        activated=document.read("activated", _flag),
        antivirus=document.read("antivirus", _texts),
        filter_drivers=document.read("filter_drivers", _texts),
        metadata_answers=health.read("metadata", _flag),
        names_resolve=health.read("names", _flag),
        clock_in_step=health.read("clock", _flag),
    )
