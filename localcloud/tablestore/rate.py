"""How often an instance's tables may be created, listed, described, updated and deleted: ten times a second in all."""

from __future__ import annotations

from collections import defaultdict, deque

from localcloud.core.clock import wall_s
from localcloud.tablestore import limits
from localcloud.tablestore.errors import quota

TABLE_OPERATIONS = frozenset({"CreateTable", "ListTable", "DescribeTable", "UpdateTable", "DeleteTable"})


class TableOperationRate:
    """Counts the operations on tables by instance. The seconds are the machine's: the cloud's own time may stand still."""

    def __init__(self) -> None:
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def count(self, operation: str, instance: str) -> None:
        """Count an operation. Raises ApiError if the instance had too many within the last second. A refused one does not count."""
        if operation not in TABLE_OPERATIONS:
            return
        times, now = self._times[instance], wall_s()
        while times and not 0 <= now - times[0] < 1:
            times.popleft()
        if len(times) >= limits.TABLE_OPERATIONS_PER_SECOND:
            raise quota("Too frequent table operations.")
        times.append(now)
