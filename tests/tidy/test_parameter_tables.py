"""The local cloud checks parameters as the installed SDKs send them: its tables are those that ``make spec`` would write."""

from __future__ import annotations

from tests.support.repository import name_of
from tools.rpc_spec import tables


def test_the_tables_are_those_of_the_installed_sdks() -> None:
    stale = [name_of(path) for path, text in tables().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make spec`"
