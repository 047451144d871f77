"""Tablestore's published limits (wide column model). Sizes are in bytes.

Source: help.aliyun.com/en/tablestore/product-overview/general-limits-of-tablestore, and the pages that it leads to.
"""

from __future__ import annotations

NAME_LENGTH = 255
INSTANCE_NAME_LENGTH = 16
NOT_IN_INSTANCE_NAMES = ("ali", "ay", "ots", "taobao", "admin")
KEY_COLUMNS = 4
KEY_VALUE_SIZE = 1024
DEFINED_COLUMNS = 32
COLUMN_VALUE_SIZE = 2 * 1024 * 1024
COLUMNS_PER_WRITE = 1024
COLUMNS_TO_GET = 128
ROW_WRITE_SIZE = 4 * 1024 * 1024
BATCH_WRITE_ROWS = 200
BATCH_WRITE_SIZE = 4 * 1024 * 1024
BATCH_GET_ROWS = 100
RANGE_ROWS = 5000
RANGE_SIZE = 4 * 1024 * 1024
FILTER_CONDITIONS = 10
TABLES_PER_INSTANCE = 64
INDEXES_PER_TABLE = 5
RESERVED_UNITS = 100_000
BODY_SIZE = 5 * 1024 * 1024
TTL_MIN_S = 86_400
CAPACITY_UNIT = 4096
CLOCK_SKEW_S = 15 * 60
INT64_MAX = 2**63 - 1
TRANSACTION_MS = 60_000
TRANSACTION_SIZE = 4 * 1024 * 1024
