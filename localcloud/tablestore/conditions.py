"""Filters and column conditions: parsed from their messages once, then applied to rows.

A condition sees a row as columns with versions (newest first). Values of different types are never equal or ordered.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid
from localcloud.tablestore.messages import DecodeError, Message, filters
from localcloud.tablestore.refused import check_unknown, is_text
from localcloud.tablestore.rows import Shown
from localcloud.wire.plainbuffer import Malformed, Special, Value, decode_value

Test = Callable[[Mapping[str, Shown]], bool]

_COMPARE: dict[int, Callable[[Any, Any], bool]] = {
    filters.CT_EQUAL: operator.eq,
    filters.CT_NOT_EQUAL: operator.ne,
    filters.CT_GREATER_THAN: operator.gt,
    filters.CT_GREATER_EQUAL: operator.ge,
    filters.CT_LESS_THAN: operator.lt,
    filters.CT_LESS_EQUAL: operator.le,
}
_CASTS: dict[int, type] = {filters.VT_INTEGER: int, filters.VT_DOUBLE: float, filters.VT_STRING: str}


@dataclass(frozen=True)
class Filter:
    """A parsed filter: the test, and the page of columns to return (offset, limit) if the filter has one."""

    test: Test | None
    page: tuple[int, int] | None = None


def read_condition(data: bytes) -> Test | None:
    """The column condition of a write, or None."""
    found = read_filter(data)
    if found.page:
        raise invalid("Invalid type of filter: FT_COLUMN_PAGINATION.")
    return found.test


def read_filter(data: bytes) -> Filter:
    """The filter of a read."""
    if not data:
        return Filter(None)
    message = _parse(filters.Filter(), data, "Deserialize filter failed.")
    if message.type == filters.FT_COLUMN_PAGINATION:
        page = _parse(filters.ColumnPaginationFilter(), message.filter, "Deserialize column pagination filter failed.")
        if page.offset < 0:
            raise invalid("Offset in ColumnPaginationFilter must be greater than or equal to 0.")
        if page.limit <= 0:
            raise invalid("Limit in ColumnPaginationFilter must be greater than 0.")
        return Filter(None, (page.offset, page.limit))
    return Filter(_Reader().read(message))


def _parse(message: Message, data: bytes, complaint: str) -> Any:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise invalid(complaint) from error
    if not message.IsInitialized():
        raise invalid(complaint)
    check_unknown(message, data)
    if not is_text(message):
        raise invalid(complaint)
    return message


class _Reader:
    """Parses one tree of conditions and counts its leaves."""

    def __init__(self) -> None:
        self._leaves = 0

    def read(self, message: Any, depth: int = 0) -> Test:
        if message.type == filters.FT_SINGLE_COLUMN_VALUE:
            self._leaves += 1
            if self._leaves > limits.FILTER_CONDITIONS:
                raise invalid(f"The count of filter exceeds the max: {limits.FILTER_CONDITIONS}.")
            return _single(_parse(filters.SingleColumnValueFilter(), message.filter, "Deserialize relation filter failed."))
        if message.type == filters.FT_COMPOSITE_COLUMN_VALUE and depth < 2 * limits.FILTER_CONDITIONS:
            composite = _parse(filters.CompositeColumnValueFilter(), message.filter, "Deserialize composite filter failed.")
            return self._composite(composite, depth)
        raise invalid(f"Invalid type of sub-filter: {message.type}.")

    def _composite(self, message: Any, depth: int) -> Test:
        tests = [self.read(each, depth + 1) for each in message.sub_filters]
        if message.combinator == filters.LO_NOT:
            if len(tests) != 1:
                raise invalid("Invalid NOT operator: the number of sub-filters must be 1.")
            return lambda columns: not tests[0](columns)
        if len(tests) < 2:
            raise invalid("Invalid AND/OR operator: the number of sub-filters must be 2.")
        combine = all if message.combinator == filters.LO_AND else any
        return lambda columns: combine(test(columns) for test in tests)


def _single(message: Any) -> Test:
    name, missing_passes = message.column_name, not message.filter_if_missing
    if message.comparator in (filters.CT_EXIST, filters.CT_NOT_EXIST):
        wanted = message.comparator == filters.CT_EXIST
        return lambda columns: (name in columns) == wanted
    passes = _value_test(message)
    latest_only = message.latest_version_only

    def test(columns: Mapping[str, Shown]) -> bool:
        versions = columns.get(name)
        if not versions:
            return missing_passes
        return any(passes(value) for _, value in (versions[:1] if latest_only else versions))

    return test


def _value_test(message: Any) -> Callable[[Value], bool]:
    try:
        expected = decode_value(message.column_value)
    except Malformed as error:
        raise invalid("Deserialize relation filter failed.") from error
    if isinstance(expected, Special):
        raise invalid("Deserialize relation filter failed.")
    compare, kind, negative = _COMPARE[message.comparator], type(expected), message.comparator == filters.CT_NOT_EQUAL
    translate = _translation(message.value_trans_rule) if message.HasField("value_trans_rule") else None

    def passes(value: Value) -> bool:
        seen = translate(value) if translate else value
        return compare(seen, expected) if type(seen) is kind else negative

    return passes


def _translation(rule: Any) -> Callable[[Value], Value | None]:
    """Extract the first group that a pattern finds in a text, and convert it to the requested type. None if that fails."""
    try:
        pattern = re.compile(rule.regex)
    except re.error as error:
        raise invalid(f"Invalid regex: {rule.regex}.") from error
    cast = _CASTS.get(rule.cast_type)
    if cast is None or pattern.groups < 1:
        raise invalid("Invalid value transfer rule.")

    def translate(value: Value) -> Value | None:
        found = pattern.search(value) if isinstance(value, str) else None
        try:
            return cast(found.group(1)) if found else None
        except (TypeError, ValueError):
            return None

    return translate
