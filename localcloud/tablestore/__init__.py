"""Tablestore, API version 2015-12-31: tables, rows, ranges, conditions and secondary indexes on SQLite."""

from localcloud.tablestore.api import Tablestore
from localcloud.tablestore.schema import Index, Options, Table

__all__ = ["Index", "Options", "Table", "Tablestore"]
