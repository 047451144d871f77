"""Tables and their secondary indexes as values, and the rules for a new table."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid
from localcloud.wire.plainbuffer import KeyValue, Value

KEY_TYPES = ("INTEGER", "STRING", "BINARY")
COLUMN_TYPES = ("INTEGER", "DOUBLE", "BOOLEAN", "STRING", "BINARY")
_PYTHON_TYPES: dict[str, type] = {"INTEGER": int, "DOUBLE": float, "BOOLEAN": bool, "STRING": str, "BINARY": bytes}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def has_type(value: object, type_name: str) -> bool:
    """Whether a value has a column type. A boolean does not count as an integer."""
    return type(value) is _PYTHON_TYPES[type_name]


def is_name(name: str) -> bool:
    """Whether a table, index or column may have this name: letters, digits and underscores, 1 to 255 bytes, no digit first."""
    return len(name) <= limits.NAME_LENGTH and _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class KeyColumn:
    """A primary key column. ``auto`` marks a column that the service numbers."""

    name: str
    type: str
    auto: bool = False


@dataclass(frozen=True)
class Column:
    """A predefined attribute column. Only these columns may be in an index."""

    name: str
    type: str


@dataclass(frozen=True)
class Index:
    """A secondary index: its key columns (the table's own key columns are appended) and its further columns."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()
    local: bool = False
    id: int = 0


@dataclass(frozen=True)
class Options:
    """The seconds until a cell expires (-1: never), the number of versions, and the maximum difference in seconds between a given
    version and now.
    """

    ttl_s: int = -1
    max_versions: int = 1
    deviation_s: int = 86_400
    allow_update: bool = True


@dataclass(frozen=True)
class Table:
    """A table of an instance, or an index in the form of a table (with ``base_id``). Its rows are stored under ``id``."""

    instance: str
    name: str
    key: tuple[KeyColumn, ...]
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    options: Options = Options()
    id: int = 0
    base_id: int = 0
    created_ms: int = 0
    read_cu: int = 0
    write_cu: int = 0
    updated_ms: int = 0
    """When a client last updated the table. An update by the deployment does not count."""

    @property
    def is_index(self) -> bool:
        return self.base_id != 0

    def column_type(self, name: str) -> str | None:
        """The declared type of a key column or predefined column."""
        types = {column.name: column.type for column in self.columns} | {column.name: column.type for column in self.key}
        return types.get(name)

    def named(self, values: Sequence[KeyValue]) -> list[tuple[str, KeyValue]]:
        """Key values with the names of their columns."""
        return [(column.name, value) for column, value in zip(self.key, values, strict=True)]

    def index_table(self, index: Index) -> Table:
        """An index as the table that a query of the index sees."""
        names = index.key + tuple(column.name for column in self.key if column.name not in index.key)
        key = tuple(KeyColumn(name, self.column_type(name) or "") for name in names)
        columns = tuple(Column(name, self.column_type(name) or "") for name in index.columns)
        return replace(self, name=index.name, key=key, columns=columns, indexes=(), id=index.id, base_id=self.id)

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


@lru_cache(maxsize=256)
def table_from_json(text: str) -> Table:
    """The table from the text that ``Table.to_json`` wrote. The cache uses the text as its key, so it is never stale."""
    doc = json.loads(text)
    doc["key"] = tuple(KeyColumn(**each) for each in doc["key"])
    doc["columns"] = tuple(Column(**each) for each in doc["columns"])
    doc["indexes"] = tuple(
        Index(each["name"], tuple(each["key"]), tuple(each["columns"]), each["local"], each["id"]) for each in doc["indexes"]
    )
    doc["options"] = Options(**doc["options"])
    return Table(**doc)


def check_table(table: Table) -> None:
    """Refuse a definition that the real service refuses."""
    if not is_name(table.name):
        raise invalid(f"Invalid table name: '{table.name}'.")
    _check_key(table)
    _check_columns(table)
    check_options(table.options)
    check_index_number(len(table.indexes))
    seen: set[str] = {table.name}
    for index in table.indexes:
        if index.name in seen:
            raise invalid(f"Duplicated index name: '{index.name}'.")
        seen.add(index.name)
        check_index(table, index)


def _check_key(table: Table) -> None:
    if not 1 <= len(table.key) <= limits.KEY_COLUMNS:
        raise invalid(f"The number of primary key columns must be in range: [1, {limits.KEY_COLUMNS}].")
    for column in table.key:
        if not is_name(column.name):
            raise invalid(f"Invalid column name: '{column.name}'.")
        if column.type not in KEY_TYPES:
            raise invalid(f"{column.type} is an invalid type for the primary key.")
    names = [column.name for column in table.key]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Duplicated primary key name: '{name}'.")
    _check_auto_columns(table)


def _check_auto_columns(table: Table) -> None:
    automatic = [column for column in table.key if column.auto]
    if len(automatic) > 1:
        raise invalid("AUTO_INCREMENT primary key count must <= 1.")
    if automatic and automatic[0].type != "INTEGER":
        raise invalid("AUTO_INCREMENT primary key must be integer.")
    if table.key[0].auto:
        raise invalid(f"First primary key can't be auto increment, table: {table.name}.")


def _check_columns(table: Table) -> None:
    if len(table.columns) > limits.DEFINED_COLUMNS:
        raise invalid(f"The number of defined columns must be in range: [0, {limits.DEFINED_COLUMNS}].")
    seen = {column.name for column in table.key}
    for column in table.columns:
        if not is_name(column.name):
            raise invalid(f"Invalid column name: '{column.name}'.")
        if column.name in seen:
            raise invalid(f"Duplicated attribute column name with primary key column: '{column.name}'.")
        seen.add(column.name)
        if column.type not in COLUMN_TYPES:
            raise invalid(f"{column.type} is an invalid type for the attribute column.")


def check_options(options: Options) -> None:
    """Refuse a time to live or a number of versions that is out of range."""
    if options.ttl_s != -1 and options.ttl_s <= 0:
        raise invalid("TimeToLive cannot be 0 or less than -1.")
    if options.ttl_s != -1 and options.ttl_s < limits.TTL_MIN_S:
        raise invalid(f"TimeToLive must be -1 or not less than {limits.TTL_MIN_S}.")
    if options.max_versions <= 0:
        raise invalid("The maximum versions cannot be less than or equal to 0.")
    if not 0 <= options.deviation_s <= limits.INT64_MAX // 1_000_000:
        raise invalid("The maximum deviation must be in range [0, INT64_MAX/1000000].")


def check_index_number(count: int) -> None:
    """Refuse more indexes than a table may have."""
    if count > limits.INDEXES_PER_TABLE:
        raise invalid(f"The number of index tables must be in range: [0, {limits.INDEXES_PER_TABLE}].")


def check_index(table: Table, index: Index) -> None:
    """Refuse an index that the table does not allow."""
    if not is_name(index.name):
        raise invalid(f"Invalid table name: '{index.name}'.")
    if table.options.max_versions != 1:
        raise invalid("The max versions of a table with secondary indexes must be 1.")
    if table.options.ttl_s != -1 and table.options.allow_update:
        raise invalid("The time to live of a table with secondary indexes must be -1 unless update is not allowed.")
    if not 1 <= len(index.key) <= limits.KEY_COLUMNS or len(set(index.key)) != len(index.key):
        raise invalid(f"The number of primary key columns must be in range: [1, {limits.KEY_COLUMNS}].")
    if index.local and index.key[0] != table.key[0].name:
        raise invalid("The first primary key column of a local index must be the table's.")
    _check_index_columns(table, index)


def _check_index_columns(table: Table, index: Index) -> None:
    key_names = {column.name for column in table.key}
    for name in (*index.key, *index.columns):
        if name not in key_names and all(column.name != name for column in table.columns):
            raise invalid(f"Column does not exist: '{name}'.")
    named = (*index.key, *index.columns)
    for name in named:
        if named.count(name) > 1:
            raise invalid(f"Duplicated column name in index: '{name}'.")
    for name in index.key:
        if table.column_type(name) not in KEY_TYPES:
            raise invalid(f"{str(table.column_type(name)).lower()} can not be used as primary key.")
    if any(column.auto and column.name == index.key[0] for column in table.key):
        raise invalid("The first primary key column of an index table cannot be an auto-increment column.")


def key_values_of_indexes(table: Table) -> frozenset[str]:
    """The columns that are key columns of an index. Their values have the same size limit as key values."""
    return frozenset(name for index in table.indexes for name in index.key)


def check_declared_type(table: Table, name: str, value: Value) -> None:
    """Refuse a value whose type differs from its predefined column's type."""
    for column in table.columns:
        if column.name == name and not has_type(value, column.type):
            raise invalid(f"The type of column '{name}' is not {column.type}, as the table defines it.")
