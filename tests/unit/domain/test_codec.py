"""Invalid documents are refused, and the error names the path of the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.codec import DocumentInvalid, description_of_class
from shared.domain.facts import Facts
from tests.support.facts import LINUX, WINDOWS

GOOD: dict[str, Any] = json.loads(json.dumps(LINUX.to_json()))


@pytest.mark.parametrize("facts", [LINUX, WINDOWS], ids=["linux", "windows"])
def test_there_and_back(facts: Facts) -> None:
    assert Facts.from_json(json.loads(json.dumps(facts.to_json())), strict=True) == facts


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("hop",), None, "facts.hop"),
        (("instance", "cpu"), "two", "facts.instance.cpu"),
        (("instance", "cpu"), True, "facts.instance.cpu"),
        (("instance", "cpu"), -1, "facts.instance.cpu"),
        (("instance", "cpu"), 2**70, "facts.instance.cpu"),
        (("instance", "os_type"), "beos", "facts.instance.os_type"),
        (("instance", "spot"), 1, "facts.instance.spot"),
        (("instance", "name"), "x" * 20_000, "facts.instance.name"),
        (("instance", "private_ips"), "10.0.0.1", "facts.instance.private_ips"),
        (("instance", "private_ips"), [1], "facts.instance.private_ips[0]"),
        (("instance", "private_ips"), ["x"] * 30_000, "facts.instance.private_ips"),
        (("instance", "tags"), [["only one"]], "facts.instance.tags[0]"),
        (("instance", "disks", 0, "kind"), "floppy", "facts.instance.disks[0].kind"),
        (("instance", "disks", 0), [], "facts.instance.disks[0]"),
        (("now",), "yesterday", "facts.now"),
        (("now",), "2026-09-01T04:00:00", "facts.now"),
        (("now",), "9999-12-31T23:59:59Z", "facts.now"),
        (("now",), 5, "facts.now"),
        (("guest", "mounts", 0, "size_mib"), 1.5, "facts.guest.mounts[0].size_mib"),
    ],
)
def test_the_field_is_named(path: tuple[Any, ...], value: object, field: str) -> None:
    document = json.loads(json.dumps(GOOD))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(DocumentInvalid) as caught:
        Facts.from_json(document)
    assert caught.value.field == field
    assert caught.value.code == "Facts.Invalid"


def test_a_missing_field_is_named() -> None:
    with pytest.raises(DocumentInvalid) as caught:
        Facts.from_json({**GOOD, "instance": {k: v for k, v in GOOD["instance"].items() if k != "vpc_id"}})
    assert caught.value.message == "facts.instance.vpc_id: is missing"


def test_unknown_fields_are_refused_only_where_people_type() -> None:
    document = {**GOOD, "instance": {**GOOD["instance"], "memroy_mib": 5}}
    assert Facts.from_json(document) == LINUX
    with pytest.raises(DocumentInvalid) as caught:
        Facts.from_json(document, strict=True)
    assert caught.value.field == "facts.instance.memroy_mib"


def test_times_are_kept_in_utc() -> None:
    assert Facts.from_json({**GOOD, "now": "2026-09-01T12:00:00+08:00"}).now == LINUX.now


def test_a_description_is_the_first_paragraph_on_one_line() -> None:
    class Wrapped:
        """One sentence that goes on
        in the next line. Another.

        More for the reader of the code.
        """

    class Silent:
        pass

    assert description_of_class(Wrapped) == "One sentence that goes on in the next line. Another."
    assert description_of_class(Silent) == ""
