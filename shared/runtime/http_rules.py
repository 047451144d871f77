"""HTTP rules for an API, without side effects: the version in the path, entity tags, conditional requests and media types."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import Refused
from shared.runtime.schema import invalid_field_error

VERSION = "/v1"
"""The version at the beginning of every path of the API. Within a version of the API, fields may be added, but never removed or
redefined.
"""
DEPRECATED_SINCE = 1795824000
"""The day from which paths without a version are deprecated (2026-11-28), as Unix time. Deprecated paths still work."""
DOCUMENT = "/openapi.json"
"""The path of the OpenAPI document. The path needs no version, because the document describes all versions of the API."""
MEDIA_TYPE = "application/json"


def path_without_version(raw_path: str) -> tuple[str, bool]:
    """The path without its version.

    The second return value is true if the path names no version. Paths without a version are deprecated.
    """
    if raw_path == VERSION or raw_path.startswith(f"{VERSION}/"):
        return raw_path[len(VERSION) :] or "/", False
    return raw_path, raw_path != DOCUMENT


def deprecation_headers(path: str) -> dict[str, str]:
    """The headers that mark a path without a version as deprecated and link to the new path (RFC 9745).

    The link is relative, because the function does not know what precedes the path in the address.
    """
    up = "../" * (path.strip("/").count("/"))
    return {"Deprecation": f"@{DEPRECATED_SINCE}", "Link": f'<{up}{VERSION[1:]}{path}>; rel="successor-version"'}


def headers_by_name(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Maps the lower-case name of each header to the header's value. If several spellings of a name were sent, a comma joins their
    values, as HTTP joins repeated headers.
    """
    found: dict[str, str] = {}
    for name, value in (given or {}).items():
        key, text = name.lower(), str(value)
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def check_media_type(headers: Mapping[str, str]) -> None:
    """Raise Refused (ContentType.NotSupported) unless the headers declare the body as JSON in UTF-8."""
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


def checked_parameter_value(name: str, value: Any) -> str:
    """The checked value of a query parameter. Raises Refused (Request.Invalid) if the parameter was given more than once.

    The HTTP trigger joins the values of a repeated parameter with commas. No valid value contains a comma, so a comma means a
    repeated parameter.
    """
    if not isinstance(value, str) or "," in value:
        raise invalid_field_error(name, "must be given once, and without a comma")
    return value


def object_from_unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The JSON object with these names and values. Raises Refused if a name occurs twice.

    Without this check, Python's JSON parser would silently use the last value of a repeated name.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid_field_error(twice[:60], "must be given once")
    return found


def entity_tag(view: object, body: str) -> str:
    """The ETag of an answer: the digest of the body. If the answer has a version, the version precedes the digest."""
    version = getattr(view, "version", None)
    digest = hashlib.blake2b(body.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
    return f'"{version}-{digest}"' if isinstance(version, int) and version > 0 else f'"{digest}"'


def is_tag_known_to_caller(tag: str, if_none_match: str) -> bool:
    """Whether the caller already has the answer. This is so if the request's header If-None-Match contains the answer's tag. Weak
    tags match too.
    """
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in given or "*" in given
