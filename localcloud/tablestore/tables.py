"""CreateTable, ListTable, DescribeTable, UpdateTable, DeleteTable, CreateIndex and DropIndex."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from localcloud.core.clock import Clock
from localcloud.tablestore import limits
from localcloud.tablestore.errors import invalid, quota, table_exists, table_missing, updated_too_often
from localcloud.tablestore.messages import messages, searches
from localcloud.tablestore.schema import (
    Column,
    Index,
    KeyColumn,
    Options,
    Table,
    check_index,
    check_index_number,
    check_options,
    check_table,
)
from localcloud.tablestore.store import Store

_KEY_NAMES = {messages.INTEGER: "INTEGER", messages.STRING: "STRING", messages.BINARY: "BINARY", messages.PK_BOOLEAN: "BOOLEAN"}
_KEY_TYPES = {name: number for number, name in _KEY_NAMES.items()}
_COLUMN_NAMES = {
    messages.DCT_INTEGER: "INTEGER",
    messages.DCT_DOUBLE: "DOUBLE",
    messages.DCT_BOOLEAN: "BOOLEAN",
    messages.DCT_STRING: "STRING",
    messages.DCT_BLOB: "BINARY",
}
_COLUMN_TYPES = {name: number for number, name in _COLUMN_NAMES.items()}


class Tables:
    """The operations on tables. Each takes an instance name and a request message and returns the response message."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def create_table(self, instance: str, request: Any) -> Any:
        self.create(_table_of(instance, request))
        return messages.CreateTableResponse()

    def list_table(self, instance: str, request: Any) -> Any:
        names = [table.name for table in self._store.tables(instance) if not table.is_index]
        return messages.ListTableResponse(table_names=names)

    def list_search_index(self, instance: str, request: Any) -> Any:
        """The list is always empty, because CreateSearchIndex is refused."""
        if request.table_name:
            self._existing(instance, request.table_name)
        return searches.ListSearchIndexResponse()

    def describe_table(self, instance: str, request: Any) -> Any:
        table = self._existing(instance, request.table_name)
        response = messages.DescribeTableResponse()
        meta = response.table_meta
        meta.table_name = table.name
        for key in table.key:
            schema = meta.primary_key.add(name=key.name, type=_KEY_TYPES[key.type])
            if key.auto:
                schema.option = messages.AUTO_INCREMENT
        for column in table.columns:
            meta.defined_column.add(name=column.name, type=_COLUMN_TYPES[column.type])
        for index in table.indexes:
            _write_index(response.index_metas.add(), index)
        _write_details(response, table)
        response.sse_details.enable = False
        return response

    def update_table(self, instance: str, request: Any) -> Any:
        table = self._existing(instance, request.table_name)
        if table.is_index:
            raise invalid("Can't write index table directly.")
        if not any(request.HasField(part) for part in ("table_options", "reserved_throughput", "stream_spec")):
            raise invalid("No reserved throughput or table options or stream specification is specified while updating table.")
        self._check_pace_of_updates(table)
        if request.HasField("table_options"):
            table = replace(table, options=_options(request.table_options, table.options))
            check_options(table.options)
            for index in table.indexes:
                check_index(table, index)
        if request.HasField("reserved_throughput"):
            units = request.reserved_throughput.capacity_unit
            table = replace(
                table,
                read_cu=units.read if units.HasField("read") else table.read_cu,
                write_cu=units.write if units.HasField("write") else table.write_cu,
            )
            _check_throughput(table)
        table = replace(table, updated_ms=self._clock.now_ms())
        self._save(table)
        response = messages.UpdateTableResponse()
        _write_details(response, table)
        return response

    def _check_pace_of_updates(self, table: Table) -> None:
        """Raise ApiError if the table was updated within the last two minutes. A refused update does not count."""
        if table.updated_ms and self._clock.now_ms() - table.updated_ms < limits.UPDATE_TABLE_EVERY_MS:
            raise updated_too_often()

    def delete_table(self, instance: str, request: Any) -> Any:
        table = self._existing(instance, request.table_name)
        if table.is_index:
            raise invalid("Can't write index table directly.")
        for index in table.indexes:
            self._store.drop_table(table.index_table(index))
        self._store.drop_table(table)
        return messages.DeleteTableResponse()

    def create_index(self, instance: str, request: Any) -> Any:
        table = self._existing(instance, request.main_table_name)
        self.add_index(table, _index_of(request.index_meta), fill=request.include_base_data)
        return messages.CreateIndexResponse()

    def drop_index(self, instance: str, request: Any) -> Any:
        table = self._existing(instance, request.main_table_name)
        index = next((each for each in table.indexes if each.name == request.index_name), None)
        if index is None:
            raise table_missing()
        self.remove_index(table, index)
        return messages.DropIndexResponse()

    def create(self, table: Table) -> Table:
        """Create a table with its indexes. Raises ApiError as the service would."""
        check_table(table)
        existing = {each.name for each in self._store.tables(table.instance)}
        if existing & {table.name, *(index.name for index in table.indexes)}:
            raise table_exists()
        _check_number(len(existing) + 1 + len(table.indexes))
        indexes = tuple(replace(index, id=self._store.new_id()) for index in table.indexes)
        table = replace(table, id=self._store.new_id(), indexes=indexes, created_ms=self._clock.now_ms())
        self._save(table)
        return table

    def add_index(self, table: Table, index: Index, *, fill: bool) -> Table:
        """Add an index to a table. With ``fill``, the existing rows are entered in it."""
        if table.is_index:
            raise invalid("Can't write index table directly.")
        check_index(table, index)
        if self._store.table(table.instance, index.name) is not None:
            raise table_exists()
        check_index_number(len(table.indexes) + 1)
        _check_number(len(self._store.tables(table.instance)) + 1)
        index = replace(index, id=self._store.new_id())
        table = replace(table, indexes=(*table.indexes, index))
        self._save(table)
        if fill:
            self._store.build_index(table, index)
        return table

    def remove_index(self, table: Table, index: Index) -> Table:
        """Delete an index and its entries."""
        self._store.drop_table(table.index_table(index))
        table = replace(table, indexes=tuple(each for each in table.indexes if each.name != index.name))
        self._save(table)
        return table

    def change_options(self, table: Table, options: Options) -> Table:
        """Change the options of a table, and of its indexes accordingly."""
        table = replace(table, options=options)
        check_table(table)
        self._save(table)
        return table

    def _save(self, table: Table) -> None:
        """Write a table's definition, and those of its indexes, because queries address an index by name."""
        self._store.save_table(table)
        for index in table.indexes:
            self._store.save_table(table.index_table(index))

    def _existing(self, instance: str, name: str) -> Table:
        table = self._store.table(instance, name)
        if table is None:
            raise table_missing()
        return table


def _table_of(instance: str, request: Any) -> Table:
    meta = request.table_meta
    key = [KeyColumn(each.name, _KEY_NAMES[each.type], each.HasField("option")) for each in meta.primary_key]
    columns = [Column(each.name, _COLUMN_NAMES[each.type]) for each in meta.defined_column]
    indexes = [_index_of(each) for each in request.index_metas]
    options = _options(request.table_options, Options())
    units = request.reserved_throughput.capacity_unit
    table = Table(instance, meta.table_name, tuple(key), tuple(columns), tuple(indexes), options)
    table = replace(table, read_cu=units.read, write_cu=units.write)
    _check_throughput(table)
    return table


def _check_number(tables: int) -> None:
    """Refuse more tables and indexes (counted together) than an instance may have."""
    if tables > limits.TABLES_PER_INSTANCE:
        raise quota("Number of tables exceeded the quota.")


def _check_throughput(table: Table) -> None:
    for units in (table.read_cu, table.write_cu):
        if units < 0:
            raise invalid(f"Invalid Capacity Unit: {units} . Capacity Unit must be nonnegative.")
        if units > limits.RESERVED_UNITS:
            raise invalid(f"Invalid Capacity Unit: {units} . Capacity Unit must not exceed {limits.RESERVED_UNITS}.")


def _options(message: Any, old: Options) -> Options:
    """The options in a message; the options that it does not name keep their values."""
    return Options(
        message.time_to_live if message.HasField("time_to_live") else old.ttl_s,
        message.max_versions if message.HasField("max_versions") else old.max_versions,
        message.deviation_cell_version_in_sec if message.HasField("deviation_cell_version_in_sec") else old.deviation_s,
        message.allow_update if message.HasField("allow_update") else old.allow_update,
    )


def _index_of(message: Any) -> Index:
    local = message.index_type == messages.IT_LOCAL_INDEX
    if not local and message.index_update_mode == messages.IUM_SYNC_INDEX:
        raise invalid("A global index is updated asynchronously: IUM_SYNC_INDEX is not emulated for it.")
    if local and message.HasField("index_update_mode") and message.index_update_mode != messages.IUM_SYNC_INDEX:
        raise invalid("A local index is updated synchronously: IUM_ASYNC_INDEX is not emulated for it.")
    return Index(message.name, tuple(message.primary_key), tuple(message.defined_column), local)


def _write_index(message: Any, index: Index) -> None:
    message.name = index.name
    message.primary_key.extend(index.key)
    message.defined_column.extend(index.columns)
    message.index_update_mode = messages.IUM_SYNC_INDEX if index.local else messages.IUM_ASYNC_INDEX
    message.index_type = messages.IT_LOCAL_INDEX if index.local else messages.IT_GLOBAL_INDEX


def _write_details(response: Any, table: Table) -> None:
    """Write the parts that DescribeTable and UpdateTable share. Every option is present, and that there is no stream,
    because other clients require that: Go's ends its program if the stream's details are missing.
    """
    details = response.reserved_throughput_details
    details.capacity_unit.read, details.capacity_unit.write = table.read_cu, table.write_cu
    details.last_increase_time = table.created_ms // 1000
    options = response.table_options
    options.time_to_live, options.max_versions = table.options.ttl_s, table.options.max_versions
    options.deviation_cell_version_in_sec, options.allow_update = table.options.deviation_s, table.options.allow_update
    response.stream_details.enable_stream = False


def same_shape(table: Table, key: Sequence[KeyColumn], columns: Sequence[Column]) -> bool:
    """Whether a table has this primary key and these predefined columns (in any order)."""
    return table.key == tuple(key) and set(table.columns) == set(columns)
