"""The rows of deletion protections in memory. They behave as the adapter does on Tablestore."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.protection import ProtectedInstance
from shared.ports.protections import ProtectionPage


@dataclass
class FakeProtections:
    """Rows by account, region and instance."""

    rows: dict[tuple[str, str, str], ProtectedInstance] = field(default_factory=dict)

    def put_new_protection_record(self, row: ProtectedInstance) -> bool:
        return self.rows.setdefault(_key(row), row) is row

    def put_protection_record(self, row: ProtectedInstance) -> None:
        self.rows[_key(row)] = row

    def protection_record(self, region_id: str, instance_id: str, *, account: str = "") -> ProtectedInstance | None:
        return self.rows.get((account, region_id, instance_id))

    def delete_protection_record(self, row: ProtectedInstance) -> bool:
        return self.rows.get(_key(row)) == row and self.rows.pop(_key(row)) == row

    def protection_record_page(self, *, limit: int, token: str) -> ProtectionPage:
        found, start = [row for _, row in sorted(self.rows.items())], int(token or 0)
        return ProtectionPage(tuple(found[start : start + limit]), str(start + limit) if len(found) > start + limit else "")


def _key(row: ProtectedInstance) -> tuple[str, str, str]:
    return row.account_id, row.region_id, row.instance_id
