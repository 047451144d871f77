"""Tablestore's wire protocol: recognises a request, checks its signature, finds the operation, and signs the answer.

A request is ``POST /<Operation>`` with a protobuf body. The instance's name, the key id and the signature are x-ots-* headers.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from itertools import count
from typing import Any

from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.clock import MICROSECONDS, seconds_of, wall_s
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.service import Call
from localcloud.tablestore import limits, refused
from localcloud.tablestore.errors import auth_failed, in_own_words, invalid, table_exists, too_large
from localcloud.tablestore.messages import DecodeError, messages, request_of
from localcloud.tablestore.rate import TableOperationRate
from localcloud.tablestore.reads import Reads
from localcloud.tablestore.schema import Column, Index, KeyColumn, Options, Table
from localcloud.tablestore.store import Store
from localcloud.tablestore.tables import Tables, same_shape
from localcloud.tablestore.transactions import Transactions
from localcloud.tablestore.writes import Writes
from localcloud.wire import ots_sign

_REQUIRED = ("x-ots-date", "x-ots-apiversion", "x-ots-accesskeyid", "x-ots-instancename", "x-ots-contentmd5")
_TABLE_STATUS_ACTIVE = b"\x20\x01"
"""Field 4 of DescribeTable's answer. The Python SDK's messages no longer have it, but the Node.js client requires it."""

Operation = Callable[[str, Any], Any]


class Tablestore:
    """The service. Each instance name has its own tables. Every well-formed instance name exists. RAM sees the name as sent."""

    name = "tablestore"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._store = Store(cloud)
        self._tables = Tables(self._store, cloud.clock)
        self._request_numbers = count(1)
        self._rate = TableOperationRate()
        self._transactions = Transactions(cloud, self._store)
        self._operations = {
            **_table_operations(self._tables),
            **_row_operations(
                Reads(self._store, cloud.clock, self._transactions), Writes(self._store, cloud.clock, self._transactions)
            ),
            **_transaction_operations(self._transactions),
        }

    # The chain ------------------------------------------------------------------------------------------------------

    def claims(self, request: Request) -> bool:
        return "x-ots-apiversion" in request.headers or "x-ots-instancename" in request.headers

    def authenticate(self, request: Request) -> Key:
        headers = request.headers
        if request.method != "POST":
            raise ApiError("OTSMethodNotAllowed", "Only POST method for requests is supported.", 405)
        for name in _REQUIRED:
            if name not in headers:
                raise invalid(f"Missing header: {name}.")
        _check_date(headers["x-ots-date"])
        if headers["x-ots-contentmd5"] != ots_sign.content_md5(request.body):
            raise auth_failed("Mismatch between MD5 value of request body and x-ots-contentmd5 in header.")
        key = self._cloud.identities.find(headers["x-ots-accesskeyid"])
        if key is None:
            raise auth_failed("The AccessKeyID does not exist.")
        if headers.get("x-ots-ststoken", "") != key.token:
            raise auth_failed("The security token is invalid.")
        if self._cloud.identities.is_over(key):
            raise auth_failed("The security token is expired.")
        self._check_signature(request, key)
        return key

    def parse(self, request: Request) -> Call:
        operation = request.path.removeprefix("/")
        if operation not in self._operations:
            raise invalid(f"Unsupported operation: '{operation}'.")
        instance = request.headers["x-ots-instancename"]
        if not _is_instance_name(instance):
            raise invalid(f"Invalid instance name: '{instance}'.")
        if len(request.body) > limits.BODY_SIZE:
            raise too_large()
        message = _parsed(operation, request.body)
        refused.check(operation, message, request.body)
        own = instance.lower()
        tables = self._tables_named(operation, own, message)
        key = self._cloud.identities.find(request.headers["x-ots-accesskeyid"])
        signing_key = ots_sign.signing_key(request.headers, key.access_key_secret) if key else b""
        return Call(
            operation,
            f"ots:{operation}",
            tuple(self._arn(instance, table) for table in tables),
            message,
            summary=",".join(tables),
            extra={"instance": own, "path": request.path, "signing_key": signing_key},
        )

    def perform(self, call: Call, caller: Key) -> Response:
        self._rate.count(call.operation, call.extra["instance"])
        message = self._operations[call.operation](call.extra["instance"], call.params)
        body = message.SerializeToString()
        if call.operation == "DescribeTable":
            body += _TABLE_STATUS_ACTIVE
        return self._signed(200, body, call.extra["path"], caller, call.extra["signing_key"])

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        told = in_own_words(error)
        body = messages.Error(code=told.code, message=told.message).SerializeToString()
        key = self._cloud.identities.find(request.headers.get("x-ots-accesskeyid", ""))
        if key is None or told.code == "OTSAuthFailed":
            return Response(told.status, _own_headers(body, request_id), body)
        signing_key = ots_sign.signing_key(request.headers, key.access_key_secret)
        return self._signed(told.status, body, request.path, key, signing_key, request_id)

    def _signed(self, status: int, body: bytes, path: str, key: Key, signing_key: bytes, request_id: str = "") -> Response:
        headers = _own_headers(body, request_id or f"0005f3a1-{self._cloud.seed:08x}-{next(self._request_numbers):016x}")
        authorization = ots_sign.response_authorization(path, headers, key.access_key_id, signing_key)
        return Response(status, {**headers, "authorization": authorization}, body)

    def _check_signature(self, request: Request, key: Key) -> None:
        headers = request.headers
        version_4 = ots_sign.SIGN_DATE in headers
        if version_4 and headers.get(ots_sign.SIGN_REGION) != self._cloud.region:
            raise auth_failed("Signature mismatch.")
        given = headers.get(ots_sign.SIGNATURE_V4 if version_4 else ots_sign.SIGNATURE, "")
        if not hmac.compare_digest(
            given.encode(), ots_sign.request_signature(request.target, headers, key.access_key_secret).encode()
        ):
            raise auth_failed("Signature mismatch.")

    def _tables_named(self, operation: str, instance: str, message: Any) -> list[str]:
        """The tables of a request. RAM checks each of them."""
        if operation == "ListTable" or (operation == "ListSearchIndex" and not message.table_name):
            return ["*"]
        if operation == "CreateTable":
            return [message.table_meta.table_name]
        if operation in ("CreateIndex", "DropIndex"):
            return [message.main_table_name]
        if operation in ("BatchGetRow", "BatchWriteRow"):
            return [each.table_name for each in message.tables]
        if operation in ("CommitTransaction", "AbortTransaction"):
            return [self._transactions.table_name(instance, message.transaction_id)]
        return [message.table_name]

    def _arn(self, instance: str, table: str) -> str:
        return f"acs:ots:{self._cloud.region}:{self._cloud.account_id}:instance/{instance}/table/{table}"

    def operation_names(self) -> list[str]:
        """The names of all operations."""
        return list(self._operations)

    # For deployment -------------------------------------------------------------------------------------------------

    def set_index_lag(self, lag_ms: int) -> None:
        """Make global indexes lag behind their tables by this much (0: no lag), to test stale reads."""
        self._store.index_lag_ms = lag_ms

    def ensure_table(  # noqa: PLR0913 - one argument for each property of ALIYUN::OTS::Table
        self,
        instance: str,
        name: str,
        primary_key: Sequence[tuple[str, str]],
        defined_columns: Sequence[tuple[str, str]] = (),
        indexes: Sequence[Index] = (),
        *,
        ttl_s: int = -1,
        max_versions: int = 1,
    ) -> Table:
        """Create or change the table to match the description. A repeated call changes nothing.

        Types are INTEGER, STRING, BINARY (keys) and also DOUBLE, BOOLEAN (columns). Options are changed, and indexes are added (and
        filled) or dropped. If the key or the columns differ, OTSObjectAlreadyExist is raised.
        """
        instance = instance.lower()
        key, columns = [KeyColumn(*each) for each in primary_key], [Column(*each) for each in defined_columns]
        options = Options(ttl_s, max_versions)
        with self._cloud.lock, self._cloud.db.transaction():
            table = self._store.table(instance, name)
            if table is None:
                return self._tables.create(Table(instance, name, tuple(key), tuple(columns), tuple(indexes), options))
            if table.is_index or not same_shape(table, key, columns):
                raise table_exists()
            return self._adjust(table, indexes, options)

    def _adjust(self, table: Table, indexes: Sequence[Index], options: Options) -> Table:
        wanted = {index.name: (index.key, index.columns, index.local) for index in indexes}
        for index in table.indexes:
            if wanted.get(index.name) != (index.key, index.columns, index.local):
                table = self._tables.remove_index(table, index)
        table = self._tables.change_options(table, options) if table.options != options else table
        there = {index.name for index in table.indexes}
        for index in indexes:
            if index.name not in there:
                table = self._tables.add_index(table, index, fill=True)
        return table


def _table_operations(tables: Tables) -> dict[str, Operation]:
    return {
        "CreateTable": tables.create_table,
        "ListTable": tables.list_table,
        "ListSearchIndex": tables.list_search_index,
        "DescribeTable": tables.describe_table,
        "UpdateTable": tables.update_table,
        "DeleteTable": tables.delete_table,
        "CreateIndex": tables.create_index,
        "DropIndex": tables.drop_index,
    }


def _row_operations(reads: Reads, writes: Writes) -> dict[str, Operation]:
    return {
        "GetRow": reads.get_row,
        "BatchGetRow": reads.batch_get_row,
        "GetRange": reads.get_range,
        "PutRow": writes.put_row,
        "UpdateRow": writes.update_row,
        "DeleteRow": writes.delete_row,
        "BatchWriteRow": writes.batch_write_row,
    }


def _transaction_operations(transactions: Transactions) -> dict[str, Operation]:
    return {
        "StartLocalTransaction": transactions.start,
        "CommitTransaction": transactions.commit,
        "AbortTransaction": transactions.abort,
    }


def _own_headers(body: bytes, request_id: str) -> dict[str, str]:
    return {
        "x-ots-contentmd5": ots_sign.content_md5(body),
        "x-ots-requestid": request_id,
        "x-ots-date": datetime.now(timezone.utc).isoformat(timespec="microseconds")[:26] + "Z",
        "x-ots-contenttype": "protocol buffer",
    }


def _check_date(text: str) -> None:
    """Check the date by the machine's time: signatures do not use the cloud's clock."""
    try:
        sent = seconds_of(text, MICROSECONDS)
    except ValueError as error:
        raise invalid(f"Invalid date format: {text}.") from error
    if abs(sent - wall_s()) > limits.CLOCK_SKEW_S:
        raise auth_failed(f"Mismatch between system time and x-ots-date: {text}.")


@lru_cache(maxsize=256)
def _is_instance_name(name: str) -> bool:
    """Whether an instance can have this name; upper and lower case are the same."""
    if not 3 <= len(name) <= limits.INSTANCE_NAME_LENGTH or not name.isascii() or name.endswith("-"):
        return False
    if any(word in name.lower() for word in limits.NOT_IN_INSTANCE_NAMES):
        return False
    return name[0].isalpha() and all(each.isalnum() or each == "-" for each in name)


def _parsed(operation: str, body: bytes) -> Any:
    message = request_of(operation)()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise invalid("Parse PBMessage from RawString failed.") from error
    if not message.IsInitialized():
        raise invalid("Parse PBMessage from RawString failed.")
    return message
