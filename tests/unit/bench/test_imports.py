"""The imports of a start are counted by origin, each once, and only those of the start."""

from __future__ import annotations

import pytest

from bench.imports import BEGIN, END, OTHER, OURS, PYTHON, by_origin, least, origin, times_in_output
from bench.startup import PROBE

OUTPUT = f"""\
import time: self [us] | cumulative | imported package
import time:       900 |        900 | encodings
{BEGIN}
import time:       100 |        100 |   json.decoder
import time:        20 |        120 | json
import time:      3000 |       3000 |     tablestore.metadata
import time:       500 |       3500 |   shared.adapters.store
import time:        50 |         50 | json
{END}
import time:       700 |        700 | ast
"""


def test_only_the_imports_of_the_start_count() -> None:
    assert times_in_output(OUTPUT) == {"json.decoder": 100, "json": 70, "tablestore.metadata": 3000, "shared.adapters.store": 500}


def test_the_probe_writes_the_lines_that_mark_the_start() -> None:
    text = PROBE.read_text(encoding="utf-8")
    assert f'print("{BEGIN}"' in text
    assert f'print("{END}"' in text


@pytest.mark.parametrize(
    ("module", "wanted"),
    [
        ("shared.domain.batch", OURS),
        ("console.entry", OURS),
        ("tablestore.protobuf.search_pb2", "Tablestore"),
        ("google._upb._message", "Protobuf"),
        ("alibabacloud_ecs20140526.models", "ECS"),
        ("alibabacloud_tea_openapi.client", "Tea"),
        ("Tea.core", "Tea"),
        ("urllib3.util.url", "requests"),
        ("urllib.parse", PYTHON),
        ("_ssl", PYTHON),
        ("jinja2.lexer", OTHER),
    ],
)
def test_a_module_belongs_to_its_sdk(module: str, wanted: str) -> None:
    assert origin(module) == wanted


def test_the_least_time_of_each_module_counts() -> None:
    """A round in which a module was not imported says nothing of it."""
    assert least([{"a": 3, "b": 1}, {"a": 2}, {"a": 5, "b": 4}]) == {"a": 2, "b": 1}


def test_times_and_modules_are_summed_by_origin() -> None:
    found = by_origin({"shared.a": 1000, "shared.b": 500, "tablestore": 2000})
    assert found["origins"][OURS] == [1.5, 2]
    assert found["origins"]["Tablestore"] == [2.0, 1]
    assert found["slowest"][0] == ["tablestore", 2.0]
