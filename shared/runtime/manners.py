"""What HTTP requires of an API: the version in the path, tags and conditional requests, the type of a body. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import Refused
from shared.runtime.schema import invalid

VERSION = "/v1"
"""The beginning of every path of the API. The version's promise: fields are added, never removed, and none changes its meaning."""
DEPRECATED_SINCE = 1795824000
"""2026-11-28: a path without the version is deprecated since then; it still works, and its answers say so (RFC 9745)."""
DOCUMENT = "/openapi.json"
"""The only path without a version, because it describes all versions."""
MEDIA_TYPE = "application/json"


def strip_version(raw_path: str) -> tuple[str, bool]:
    """The path after the version, and whether the request used the old form without a version."""
    if raw_path == VERSION or raw_path.startswith(f"{VERSION}/"):
        return raw_path[len(VERSION) :] or "/", False
    return raw_path, raw_path != DOCUMENT


def deprecation(path: str) -> dict[str, str]:
    """The headers that point from an old path to the new one; the link is relative, because the part before the path is unknown."""
    up = "../" * (path.strip("/").count("/"))
    return {"Deprecation": f"@{DEPRECATED_SINCE}", "Link": f'<{up}{VERSION[1:]}{path}>; rel="successor-version"'}


def headers_of(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers by lower-case name. A header that comes in two spellings is joined, as HTTP joins repeated ones."""
    found: dict[str, str] = {}
    for name, value in (given or {}).items():
        key, text = name.lower(), str(value)
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def check_media_type(headers: Mapping[str, str]) -> None:
    """Raise Refused (ContentType.NotSupported) unless the body is declared as JSON in UTF-8."""
    kind, _, rest = headers.get("content-type", "").lower().partition(";")
    charset = rest.strip().removeprefix("charset=").strip('"')
    if kind.strip() != MEDIA_TYPE or charset not in ("", "utf-8"):
        given = headers.get("content-type", "")[:80] or "missing"
        raise Refused(
            "ContentType.NotSupported",
            f"The Content-Type of the body is {given}.",
            f"Send JSON in UTF-8, with the header Content-Type: {MEDIA_TYPE}.",
            status=415,
        )


def single(name: str, value: Any) -> str:
    """The value of a parameter that is given once.

    A trigger joins repeated values with commas; none of our values contains a comma.
    """
    if not isinstance(value, str) or "," in value:
        raise invalid(name, "must be given once, and without a comma")
    return value


def refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are all different; raises Refused.

    Otherwise it would be unclear which of two equal names counts.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid(twice[:60], "must be given once")
    return found


def entity_tag(view: object, body: str) -> str:
    """The tag of an answer: its digest, preceded by the version that acts name, if it has one."""
    version = getattr(view, "version", None)
    digest = hashlib.blake2b(body.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
    return f'"{version}-{digest}"' if isinstance(version, int) and version > 0 else f'"{digest}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether the caller already has this answer (If-None-Match; weak tags are compared as HTTP says)."""
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in given or "*" in given
