"""Finds the catalog's release for a name that ECS shows, or for the contents of a guest's /etc/os-release."""

from __future__ import annotations

import re
from dataclasses import replace

from shared.domain.catalog.model import Catalog, Release

_BLANKS = re.compile(r"\s+")
_MARKS = re.compile(r"[®™]|\((?:R|TM)\)")
"""Trade mark signs, which older Windows versions have in their names."""


def identify_release_in_catalog(catalog: Catalog, os_name: str, os_name_en: str = "") -> Release | None:
    """The release for the names that ECS shows; None if the catalog has no such release. If a Linux name contains a version with a
    dot, such as 7.9, the result's field ``exact`` holds the version.
    """
    for name in (os_name, os_name_en):
        plain = _BLANKS.sub(" ", _MARKS.sub("", name).strip().lower())
        for row in catalog.releases.values() if plain else ():
            found = re.search(row.pattern, plain)
            if found:
                spelled = found.groupdict().get("version") or ""
                return replace(row, exact=spelled if row.os_type == "linux" and "." in spelled else "")
    return None


_WRITTEN = (
    (re.compile(r"\((?:core|final|maipo|ootpa|plow|stream)\)|\b(?:release|version|ver)\b|\b(?:64|32)[ -]?bit\b"), " "),
    (re.compile(r"[_/-]+"), " "),
    (re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=r2\b)"), " "),
    (re.compile(r"\br 2\b"), "r2"),
    (re.compile(r"\brhel\b"), "red hat enterprise linux"),
    (re.compile(r"\balinux\b|\bali(?:baba)? ?(?:cloud )?linux\b|\baliyunlinux\b"), "alibaba cloud linux"),
    (re.compile(r"\b(?:microsoft )?win(?:dows)?(?: server)?(?= \d)"), "windows server"),
    (re.compile(r"\bcent os\b"), "centos"),
)
"""Patterns of common spellings, each with its replacement in ECS's spelling. The patterns match names as in /etc/redhat-release,
names without spaces, and abbreviated names.
"""


def ecs_spelling(text: str) -> str:
    """A name that a person wrote, converted to the spelling of OSNameEn."""
    plain = text.strip().lower()
    for written, ecs in _WRITTEN:
        plain = written.sub(ecs, plain)
    return _BLANKS.sub(" ", plain).strip()


def releases_with_names_beginning_with(catalog: Catalog, text: str) -> list[Release]:
    """The releases whose names consist of the given text and an edition or a version."""
    plain = ecs_spelling(text)
    words = dict.fromkeys(word for row in catalog.releases.values() for word in (row.edition, row.version) if word)
    found = [identify_release_in_catalog(catalog, f"{plain} {word}") for word in words] if plain else []
    return list({row.key: row for row in found if row}.values())


def identify_os_release_in_catalog(catalog: Catalog, os_id: str, version_id: str, name: str = "") -> Release | None:
    """The release for ID, VERSION_ID and NAME of /etc/os-release; None if the catalog has no such release.

    CentOS and CentOS Stream share ID=centos; only NAME distinguishes them.
    """
    stream = os_id == "centos" and "stream" in name.lower()
    for row in catalog.releases.values():
        same_line = row.os_release_id == os_id and (row.family == "centos-stream") == stream
        if same_line and (version_id == row.version or version_id.startswith(row.version + ".")):
            return replace(row, exact=version_id if "." in version_id else "")
    return None


def windows_language(*names: str) -> str:
    """The language of a Windows instance, read from its names in ECS: ``zh`` or ``en``; empty if the names do not show the
    language.
    """
    text = " ".join(names).lower()
    if "中文" in text or "chinese" in text:
        return "zh"
    return "en" if "英文" in text or "english" in text else ""
