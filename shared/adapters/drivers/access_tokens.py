"""Makes and deletes SMC activation codes. An activation code is never stored, and is hidden in every log."""

from __future__ import annotations

from shared.adapters import redact
from shared.adapters.drivers.jobs import SmcJobs
from shared.adapters.sdk_call import is_not_found
from shared.adapters.sdk_errors import CloudError


class AccessTokens:
    """Makes and deletes the tokens that hold activation codes. Each token allows one import and is valid for one day."""

    def __init__(self, jobs: SmcJobs) -> None:
        self._jobs = jobs

    def make_token(self, name: str) -> tuple[str, str]:
        """Make a token. Returns the token's id and its activation code."""
        from alibabacloud_smc20190601 import models

        request = models.CreateAccessTokenRequest(
            name=name, description="One import by Replank.", count="1", time_to_live_in_days="1"
        )
        body = self._jobs.call_smc("create_access_token", request)
        redact.add_secret(body.access_token_code)
        return str(body.access_token_id), str(body.access_token_code)

    def has_other_tokens(self, name: str, token_id: str) -> bool:
        """Whether SMC has another token with this name, apart from the token with this id."""
        return any(each != token_id for each in self._token_ids(name))

    def delete_tokens_by_name(self, name: str) -> bool:
        """Delete all tokens with this name. Returns whether a token with this name existed."""
        same = self._token_ids(name)
        for token_id in same:
            self.delete_token(token_id)
        return bool(same)

    def _token_ids(self, name: str) -> list[str]:
        from alibabacloud_smc20190601 import models

        body = self._jobs.call_smc("list_access_tokens", models.ListAccessTokensRequest(name=name))
        listed = (body.access_tokens.access_token if body.access_tokens else None) or []
        return [str(token.access_token_id) for token in listed if token.name == name]

    def delete_token(self, token_id: str) -> None:
        """Delete the token with this id. No error is raised if the token does not exist."""
        from alibabacloud_smc20190601 import models

        request = models.DeleteAccessTokenRequest(access_token_id=token_id)
        try:
            self._jobs.call_smc("delete_access_token", request, expected=is_not_found)
        except CloudError:
            return
