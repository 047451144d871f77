"""Sequences of operations on Tablestore and on a plain dict must give the same rows, index entries and refusals."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.core.app import INSTANCE_NAME
from localcloud.tablestore import Index
from localcloud.wire.plainbuffer import DELETE_ALL, INCREMENT, Cell, Special, encode_row
from tests.contract.localcloud.tablestore_support import call, make_cloud, messages

from tablestore.plainbuffer.plain_buffer_coded_stream import PlainBufferCodedInputStream  # isort: skip
from tablestore.plainbuffer.plain_buffer_stream import PlainBufferInputStream  # isort: skip

KEY = st.tuples(st.sampled_from(["", "a", "a\x00", "b", "é"]), st.integers(-2, 2))
COLUMN = st.sampled_from(["n", "m"])
EXISTENCE = st.sampled_from([messages.IGNORE, messages.IGNORE, messages.EXPECT_EXIST, messages.EXPECT_NOT_EXIST])
NUMBER = st.integers(-3, 3)
STEP = st.one_of(
    st.tuples(st.just("PutRow"), KEY, EXISTENCE, st.dictionaries(COLUMN, NUMBER)),
    st.tuples(st.just("UpdateRow"), KEY, EXISTENCE, st.dictionaries(COLUMN, st.one_of(st.none(), NUMBER), min_size=1)),
    st.tuples(st.just("Increment"), KEY, EXISTENCE, st.dictionaries(COLUMN, NUMBER, min_size=1)),
    st.tuples(st.just("DeleteRow"), KEY, EXISTENCE, st.just({})),
)
Model = dict[tuple[str, int], dict[str, int]]


def by_model(model: Model, step: Any) -> bool:
    """Carry out a step on the dict. Returns False if the real one must refuse the step."""
    action, key, existence, columns = step
    there = key in model
    if (existence == messages.EXPECT_EXIST and not there) or (existence == messages.EXPECT_NOT_EXIST and there):
        return False
    if action == "PutRow":
        model[key] = dict(columns)
    elif action == "DeleteRow":
        model.pop(key, None)
    else:
        row = dict(model.get(key, {}))
        for name, value in columns.items():
            if value is None:
                row.pop(name, None)
            else:
                row[name] = row.get(name, 0) + value if action == "Increment" else value
        if there or row:
            model[key] = row
    return True


def request_of(step: Any) -> tuple[str, Any]:
    action, (p, q), existence, columns = step
    key = [("p", p), ("q", q)]
    if action == "DeleteRow":
        request = messages.DeleteRowRequest(table_name="t", primary_key=deletion(key))
    elif action == "PutRow":
        request = messages.PutRowRequest(table_name="t", row=encode_row(key, [Cell(*each) for each in columns.items()]))
    else:
        op = INCREMENT if action == "Increment" else 0
        cells = [Cell(name, value, DELETE_ALL if value is None else op) for name, value in columns.items()]
        request = messages.UpdateRowRequest(table_name="t", row_change=encode_row(key, cells))
    request.condition.row_existence = existence
    return "UpdateRow" if action == "Increment" else action, request


def deletion(key: Any) -> bytes:
    from tablestore.plainbuffer.plain_buffer_builder import PlainBufferBuilder

    return bytes(PlainBufferBuilder.serialize_for_delete_row(key))


def read_all(cloud: Any, table: str, names: list[str], *, backward: bool = False) -> list[tuple[Any, ...]]:
    """Every row of a table or index, read in pages of two: key values and a dict of columns."""
    start, end = encode_row([(name, Special.INF_MIN) for name in names]), encode_row([(name, Special.INF_MAX) for name in names])
    request = messages.GetRangeRequest(table_name=table, direction=int(backward), max_versions=1, limit=2)
    request.inclusive_start_primary_key, request.exclusive_end_primary_key = (end, start) if backward else (start, end)
    found = []
    while True:
        answer = call(cloud, "GetRange", request)
        rows = PlainBufferCodedInputStream(PlainBufferInputStream(answer.rows)).read_rows() if answer.rows else []
        found += [(*[value for _, value in row.primary_key], {c[0]: c[1] for c in row.attribute_columns}) for row in rows]
        if not answer.next_start_primary_key:
            return found
        request.inclusive_start_primary_key = answer.next_start_primary_key


@settings(max_examples=60)
@given(st.lists(STEP, max_size=25))
def test_a_table_and_its_index_behave_like_a_dict(steps: list[Any]) -> None:
    cloud, service = make_cloud()
    columns = [("n", "INTEGER"), ("m", "INTEGER")]
    service.ensure_table(INSTANCE_NAME, "t", [("p", "STRING"), ("q", "INTEGER")], columns, [Index("by_n", ("n",), ("m",))])
    model: Model = {}
    for step in steps:
        answer = call(cloud, *request_of(step))
        assert hasattr(answer, "consumed") == by_model(model, step)
        if not hasattr(answer, "consumed"):
            assert answer.code == "OTSConditionCheckFail"
    expected = [(*key, model[key]) for key in sorted(model)]
    assert read_all(cloud, "t", ["p", "q"]) == expected
    assert read_all(cloud, "t", ["p", "q"], backward=True) == expected[::-1]
    entries = sorted((row["n"], *key) for key, row in model.items() if "n" in row)
    assert [each[:3] for each in read_all(cloud, "by_n", ["n", "p", "q"])] == entries
    for n, p, q, carried in read_all(cloud, "by_n", ["n", "p", "q"]):
        assert carried == {name: value for name, value in model[p, q].items() if name == "m"}, n
    cloud.close()


@settings(max_examples=25)
@given(st.lists(STEP, max_size=15))
def test_a_lagging_index_catches_up(steps: list[Any]) -> None:
    cloud, service = make_cloud()
    service.ensure_table(INSTANCE_NAME, "t", [("p", "STRING"), ("q", "INTEGER")], [("n", "INTEGER")], [Index("by_n", ("n",))])
    service.set_index_lag(1000)
    model: Model = {}
    for step in steps:
        call(cloud, *request_of(step))
        by_model(model, step)
    assert read_all(cloud, "by_n", ["n", "p", "q"]) == []
    while cloud.step():
        pass
    entries = sorted((row["n"], *key) for key, row in model.items() if "n" in row)
    assert [each[:3] for each in read_all(cloud, "by_n", ["n", "p", "q"])] == entries
    cloud.close()
