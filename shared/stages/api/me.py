"""Who the caller is to the API, and what they may do."""

from __future__ import annotations

from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.roles import MAY, Access, authorize, roles_of
from shared.stages.api.people_views import Me


def caller_view(caller: Caller, access: Access, account: str) -> Me:
    """The caller with their roles and acts. Grants for the batches of certain owners are left out, because no batch is involved."""
    roles = tuple(sorted(role.value for role in roles_of(caller, access, account=account)))
    may = tuple(sorted(act for act in MAY if _is_allowed(caller, act, access, account)))
    return Me(caller.name, caller.trust.value, caller.issuer, caller.subject, roles, may)


def _is_allowed(caller: Caller, act: str, access: Access, account: str) -> bool:
    try:
        authorize(caller, act, access, account=account)
    except Refused:
        return False
    return True
