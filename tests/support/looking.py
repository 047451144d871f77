"""An operator's API for tests. Every act names the current version, as if the operator had just looked."""

from __future__ import annotations

import re
from typing import Any

from cli.client import ApiClient

_ACT = re.compile(r"(/(?:migrations|batches)/[^/]+)/([a-z]+)")


class LookingApi(ApiClient):
    """The command line's API, except that ``post`` without ``seen`` first reads the current version."""

    def post(self, path: str, body: Any = None, *, seen: int = 0) -> Any:
        about = _ACT.fullmatch(path)
        if about is None or seen:
            return super().post(path, body, seen=seen)
        if path.startswith("/batches/") and about[2] == "confirmation":
            return super().post(path, body or self._migrated(about[1].rpartition("/")[2]))
        return super().post(path, body, seen=self.get(about[1])["version"])

    def _migrated(self, batch_id: str) -> dict[str, Any]:
        found = self.get("/migrations", batchId=batch_id, state="migrated", limit=100)["migrations"]
        return {"migrations": [{"migrationId": each["migrationId"], "version": each["version"]} for each in found]}
