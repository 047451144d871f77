"""Reads and writes Tablestore rows for the adapters. The adapters pass rows as dicts, and conditions as arguments.

A timeout raises Transient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.adapters.sdk import Clients
from shared.domain.errors import Permanent, ReplankError, Transient
from shared.domain.record import dataclass
from shared.domain.retry import RetryHint, repeat_call

Key = Sequence[tuple[str, Any]]
"""A primary key: pairs of a column name and a value, in the order of the table's key columns."""
Columns = dict[str, Any]
"""The values of a row by column name, including the primary key columns."""
Expected = Mapping[str, Any]
"""The conditions of a write: one condition for each column name.

A condition is a value, a frozenset of allowed values, a ``AtMost``, or ``AbsentColumn``.
"""
BATCH_ROWS = 100
"""Maximum number of rows that one bulk call reads. Tablestore accepts 100 rows in BatchGetRow."""
RANGE_CALLS = 50
"""Maximum number of GetRange calls for one page. One call reads up to 5,000 rows or 4 MB.

A filter may drop some or all of the rows that a call reads.
"""
_NO_VALUE = -(2**63)
_DENIED = frozenset({"OTSAuthFailed", "OTSNoPermissionAccess", "OTSObjectNotExist", "OTSParameterInvalid", "OTSInvalidPK"})
"""Codes after which a retry is useless: a missing permission, a missing table or an invalid request."""

_UNKNOWN_OUTCOME = frozenset({"OTSTimeout", "OTSInternalServerError", "OTSServerUnavailable"})
"""Codes that leave the outcome of a request unknown.

After an unknown outcome, the SDK repeats only reads. The module ``store`` therefore repeats writes itself.
"""


class LowestKey:
    """Stands for the smallest value of a key column in a range."""


class HighestKey:
    """Stands for the largest value of a key column in a range."""


class AbsentColumn:
    """A condition on a number column: the column must be missing."""


@dataclass(frozen=True)
class AtMost:
    """A condition on a number column: the value must not exceed ``number``."""

    number: int


@dataclass(frozen=True)
class RowRange:
    """A selection of the rows between two keys, in ascending or descending order of the keys.

    The row at ``start`` is included, and the row at ``end`` is excluded.
    """

    table: str
    start: Key
    end: Key
    backward: bool = False
    columns: tuple[str, ...] = ()
    between: tuple[str, str] | None = None
    """The columns to read, as a range of names. The first name is included, and the last name is excluded. If the range is given,
    leave ``columns`` empty.
    """
    equal: tuple[str, Any] | None = None
    """A column name and a value. Only rows with this value in this column are selected. The column must be among the columns to
    read.
    """


class Store:
    """Reads and writes one Tablestore instance. The methods raise Transient (Store.Unavailable) if a later call may succeed, and
    Permanent if only a person can help.

    Methods that return whether a condition was met raise WriteInDoubt if the outcome is unknown.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def get(self, table: str, key: Key, columns: Sequence[str] = (), *, between: tuple[str, str] | None = None) -> Columns | None:
        """The columns of a row: all columns, the named columns, or the columns in a range of names.

        The result is None if the row does not exist, or has none of these columns.
        """
        start, end = between or (None, None)
        found: Columns = {}
        token: Any = None
        while True:
            _, row, token = self._send_request(
                "get_row", table, list(key), list(columns), start_column=start, end_column=end, max_version=1, token=token
            )
            if row is not None:
                found.update(_columns_of_row(row))
            if not token:
                return found or None

    def put(self, table: str, key: Key, columns: Mapping[str, Any], *, unless: str = "") -> bool:
        """Write or replace the row.

        The argument ``unless`` may name a column. If the old row has this column, nothing is written, and the result is False.
        """
        return self._try_write(
            "put_row",
            table,
            sdk_row(key, list(columns.items())),
            sdk_condition("IGNORE", {unless: AbsentColumn} if unless else None),
        )

    def put_new(self, table: str, key: Key, columns: Mapping[str, Any]) -> bool:
        """Write the row if it does not exist. Returns False if the row exists."""
        return self._try_write("put_row", table, sdk_row(key, list(columns.items())), sdk_condition("EXPECT_NOT_EXIST"))

    def update(
        self,
        table: str,
        key: Key,
        put: Mapping[str, Any],
        remove: Sequence[str] = (),
        *,
        add: Mapping[str, int] | None = None,
        expect: Expected | None = None,
    ) -> bool:
        """Change columns of a row. Returns False if the row does not exist or does not meet the condition.

        The argument ``add`` maps the names of number columns to the numbers to add. As in every atomic counter of Tablestore, a
        missing column counts as 0.
        """
        changes: dict[str, Any] = {}
        if put:
            changes["put"] = list(put.items())
        if add:
            changes["increment"] = list(add.items())
        if remove:
            changes["delete_all"] = list(remove)
        try:
            return self._try_write("update_row", table, sdk_row(key, changes), sdk_condition("EXPECT_EXIST", expect))
        except WriteInDoubt:
            if expect is None:
                return False  # the row does not exist, so no earlier request can have changed it
            raise

    def delete(self, table: str, key: Key, *, expect: Expected) -> bool:
        """Delete the row. Returns False if the row does not exist or does not meet the condition."""
        return self._try_write("delete_row", table, sdk_row(key, None), sdk_condition("EXPECT_EXIST", expect))

    def read_range(self, wanted: RowRange, *, limit: int) -> tuple[list[Columns], list[tuple[str, Any]] | None]:
        """Up to ``limit`` rows, and the key with which the next page begins. The key is None after the last row."""
        rows: list[Columns] = []
        start: Any = _sdk_range_key(wanted.start)
        direction = "BACKWARD" if wanted.backward else "FORWARD"
        for _ in range(RANGE_CALLS):
            _, start, page, _ = self._send_request(
                "get_range",
                wanted.table,
                direction,
                start,
                _sdk_range_key(wanted.end),
                list(wanted.columns),
                limit - len(rows),
                column_filter=_column_condition("EQUAL", wanted.equal) if wanted.equal else None,
                max_version=1,
                start_column=wanted.between[0] if wanted.between else None,
                end_column=wanted.between[1] if wanted.between else None,
            )
            rows += map(_columns_of_row, page)
            if not start or len(rows) >= limit:
                break
        return rows, list(start) if start else None

    def get_rows(self, table: str, keys: Sequence[Key], between: tuple[str, str]) -> list[Columns]:
        """The existing rows with these keys, in the order of the keys. Only columns in the range ``between`` are read: the
        range includes its first name and excludes its last name.

        A repeated key is sent only once, because Tablestore refuses repeated keys. An index that lags behind may show a row
        twice, and the keys may come from such an index.
        """
        keys, rows = list(dict.fromkeys(map(tuple, keys))), list[Columns]()
        for place in range(0, len(keys), BATCH_ROWS):
            rows += self._get_listed_rows(table, keys[place : place + BATCH_ROWS], between)
        return rows

    def get_named_columns(self, table: str, keys: Sequence[Key], columns: Sequence[str]) -> list[Columns]:
        """The named columns of the existing rows with these keys, in the order of the keys. Takes at most ``BATCH_ROWS`` keys.

        A row without any of the named columns is left out. To include every existing row, also name a key column.
        """
        return self._get_listed_rows(table, keys, None, columns)

    def _get_listed_rows(
        self, table: str, keys: Sequence[Key], between: tuple[str, str] | None, columns: Sequence[str] = ()
    ) -> list[Columns]:
        from tablestore import BatchGetRowRequest, TableInBatchGetRowItem

        (start, end), wanted = between or (None, None), [list(key) for key in keys]
        request = BatchGetRowRequest()
        request.add(TableInBatchGetRowItem(table, wanted, list(columns), max_version=1, start_column=start, end_column=end))
        results = self._send_request("batch_get_row", request).get_result_by_table(table) or []
        refused = next((each for each in results if not each.is_ok), None)
        if refused is not None:
            raise Transient("Store.Unavailable", f"Tablestore answered {refused.error_code} for a row of {table}.")
        # Tablestore answers with an empty row if a row is missing.
        return [_columns_of_row(each.row) for each in results if each.row is not None and each.row.primary_key]

    def write_rows(self, table: str, items: Sequence[Any]) -> list[Any]:
        """Write at most 200 rows, which together have at most 4 MB.

        The items must all be puts, or all be updates. Returns the results in the order of the items.
        """
        from tablestore import BatchWriteRowRequest, TableInBatchWriteRowItem

        request = BatchWriteRowRequest()
        request.add(TableInBatchWriteRowItem(table, list(items)))
        answer = self._send_request("batch_write_row", request)
        return list(answer.table_of_put.get(table) or answer.table_of_update.get(table) or ())

    def _try_write(self, operation: str, *arguments: Any) -> bool:
        try:
            self._send_request(operation, *arguments)
        except _ConditionFailed:
            return False
        return True

    def _send_request(self, operation: str, *arguments: Any, **options: Any) -> Any:
        """Send the request, and repeat the request if Tablestore does not answer.

        Raises WriteInDoubt if the condition fails in a repeated write.
        """
        send: Callable[..., Any] = getattr(self._clients.tablestore_client(), operation)

        def send_once(number: int) -> Any:
            try:
                return self._send_without_retry(operation, send, arguments, options)
            except _ConditionFailed:
                if number == 1:
                    raise
                raise WriteInDoubt("Store.InDoubt", f"{operation} was sent again, and its condition failed then.") from None

        return repeat_call(self._clients.retry, send_once, _retry_decision, self._clients.sleep)

    def _send_without_retry(self, operation: str, send: Callable[..., Any], arguments: Any, options: Any) -> Any:
        from tablestore import OTSClientError, OTSServiceError
        from urllib3.exceptions import HTTPError

        try:
            return send(*arguments, **options)
        except OTSServiceError as error:
            raise _translate_error(operation, str(error.code), str(error.message), str(error.request_id)) from error
        except (OTSClientError, HTTPError, OSError) as error:
            raise _NoAnswer("Store.Unavailable", f"Tablestore did not answer {operation}: {type(error).__name__}.") from error


def _retry_decision(error: Exception) -> RetryHint | None:
    return RetryHint() if isinstance(error, _NoAnswer) else None


class WriteInDoubt(Transient):
    """Raised if a conditional write got no answer, and the condition failed when the write was repeated.

    The first request of the write may have succeeded.
    """


class _NoAnswer(Transient):
    """Raised if Tablestore did not answer. The request may or may not have been carried out."""


class _ConditionFailed(ReplankError):
    """Raised if a row does not meet the condition of a write. Only the module ``store`` raises and catches this error."""


def _translate_error(operation: str, code: str, message: str, request_id: str) -> ReplankError:
    if code == "OTSConditionCheckFail":
        return _ConditionFailed("Store.ConditionFailed", message, "")
    where = f"{operation}: {code}: {message} (RequestId {request_id})"
    if code in _DENIED:
        remedy = "Check that template.yml is deployed and the function's role may use the table named."
        return Permanent("Store.Refused", where, remedy)
    if code in _UNKNOWN_OUTCOME:
        return _NoAnswer("Store.Unavailable", where)
    return Transient("Store.Unavailable", where)


def sdk_row(key: Key, attributes: Any) -> Any:
    """A row as an object of the SDK."""
    from tablestore import Row

    return Row(list(key), attributes)


def sdk_condition(expectation: str, expect: Expected | None = None) -> Any:
    """The condition of a write, as an object of the SDK. The write fails if the row or its columns do not meet the condition."""
    from tablestore import Condition

    return Condition(
        expectation, _joined_conditions("AND", [_expected_value_condition(*each) for each in expect.items()]) if expect else None
    )


def _expected_value_condition(column: str, value: Any) -> Any:
    # The SDK has no condition for a missing column. This condition passes if the column is missing, and fails for every value.
    if value is AbsentColumn:
        return _column_condition("EQUAL", (column, _NO_VALUE), pass_if_missing=True)
    if isinstance(value, AtMost):
        return _column_condition("LESS_EQUAL", (column, value.number))
    if isinstance(value, frozenset):
        return _joined_conditions("OR", [_column_condition("EQUAL", (column, each)) for each in sorted(value)])
    return _column_condition("EQUAL", (column, value))


def _joined_conditions(operator: str, conditions: Sequence[Any]) -> Any:
    """One condition that joins all given conditions with AND or OR. The SDK can join only two conditions at a time."""
    from tablestore import CompositeColumnCondition, LogicalOperator

    first, *others = conditions
    for other in others:
        pair = CompositeColumnCondition(getattr(LogicalOperator, operator))
        pair.add_sub_condition(first)
        pair.add_sub_condition(other)
        first = pair
    return first


def _column_condition(comparator: str, against: tuple[str, Any], *, pass_if_missing: bool = False) -> Any:
    from tablestore import ComparatorType, SingleColumnCondition

    how = getattr(ComparatorType, comparator)
    return SingleColumnCondition(*against, how, pass_if_missing=pass_if_missing, latest_version_only=True)


def _sdk_range_key(key: Key) -> list[tuple[str, Any]]:
    from tablestore import INF_MAX, INF_MIN

    def sdk_key_bound(value: Any) -> Any:
        if value is LowestKey:
            return INF_MIN
        return INF_MAX if value is HighestKey else value

    return [(name, sdk_key_bound(value)) for name, value in key]


def _columns_of_row(row: Any) -> Columns:
    found = {cell[0]: cell[1] for cell in row.primary_key or ()}
    found.update((cell[0], cell[1]) for cell in row.attribute_columns or ())
    return found
