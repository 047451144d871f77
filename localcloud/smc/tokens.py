"""Activation codes: a machine needs a code to register as a source server."""

from __future__ import annotations

from typing import Any

from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.smc.world import DAY, Doc, Params, SmcWorld, check_name


class Tokens:
    """The four operations on access tokens, and the use of a token by an import."""

    def __init__(self, world: SmcWorld) -> None:
        self.world = world

    def create(self, params: Params) -> dict[str, Any]:
        """CreateAccessToken: Count 1-1000 (default 100), TimeToLiveInDays 1-90 (default 30). Only this answer shows the code."""
        check_name(params.get("Name"))
        count = _number(params, "Count", 100, 1000)
        days = _number(params, "TimeToLiveInDays", 30, 90)
        id = self.world.cloud.new_id("at-bp1")
        code = self.world.cloud.random("smc", "code", id).randbytes(16).hex()
        shown = {"Name": params.get("Name", ""), "Description": params.get("Description", "")}
        shown |= {"Count": str(count), "RegisteredCount": "0", "TimeToLiveInDays": str(days), "CreationTime": self.world.now_iso}
        sim = {"code": code, "expires_ms": self.world.now + days * DAY, "disabled": False}
        self.world.tokens.put(id, {"AccessTokenId": id, **shown, "sim": sim})
        return {"AccessTokenId": id, "AccessTokenCode": code}

    def list(self, params: Params) -> dict[str, Any]:
        """ListAccessTokens."""
        ids, tokens = params.get("AccessTokenId"), self.world.tokens
        docs = tokens.where("Name", params["Name"]) if "Name" in params else [doc for _, doc in tokens.items()]
        rows = [{**{n: v for n, v in doc.items() if n != "sim"}, "Status": self.status(doc)} for doc in docs]
        rows = [row for row in rows if not ids or row["AccessTokenId"] in ids]
        rows = [row for row in rows if all(params.get(name, row[name]) == row[name] for name in ("Name", "Status"))]
        return {"PageNumber": 1, "PageSize": len(rows), "TotalCount": len(rows), "AccessTokens": {"AccessToken": rows}}

    def status(self, token: Doc) -> str:
        """The status: activated, unactivated (disabled or used up) or expired."""
        if token["sim"]["expires_ms"] <= self.world.now:
            return "expired"
        spent = int(token["RegisteredCount"]) >= int(token["Count"])
        return "unactivated" if token["sim"]["disabled"] or spent else "activated"

    def disable(self, params: Params) -> dict[str, Any]:
        """DisableAccessToken."""
        token = self._need(params["AccessTokenId"])
        token["sim"]["disabled"] = True
        self.world.tokens.put(token["AccessTokenId"], token)
        return {}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteAccessToken."""
        self.world.tokens.delete(self._need(params["AccessTokenId"])["AccessTokenId"])
        return {}

    def check(self, id: str, code: str) -> Doc:
        """The token of an activation code. Raises ApiError if the token may not be used any more."""
        token = self.world.tokens.get(id)
        if token is None or token["sim"]["code"] != code:
            raise ApiError("AccessToken.Invalid", "The access token id or code is wrong.", 403)
        if self.status(token) != "activated":
            raise ApiError(
                "AccessToken.Unusable", f"The access token {id} is {self.status(token)}; it expires at {_expiry(token)}.", 403
            )
        return token

    def use(self, token: Doc) -> None:
        """Count a new source server against the token."""
        token["RegisteredCount"] = str(int(token["RegisteredCount"]) + 1)
        self.world.tokens.put(token["AccessTokenId"], token)

    def _need(self, id: str) -> Doc:
        token = self.world.tokens.get(id)
        if token is None:
            raise ApiError("AccessTokenId.NotFound", f"The specified access token {id} does not exist.", 404)
        return token


def _expiry(token: Doc) -> str:
    return iso(token["sim"]["expires_ms"])


def _number(params: Params, name: str, default: int, maximum: int) -> int:
    """A number that the API takes as text."""
    text = params.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= maximum:
        raise ApiError(f"{name}.Invalid", f"{name} must be between 1 and {maximum}.", 400)
    return int(text)
