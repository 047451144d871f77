"""Shows who the caller is, and which acts they may carry out."""

from __future__ import annotations

from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.roles import MAY, AccessRules, authorize, caller_roles
from shared.stages.api.people_views import CallerView


def caller_view(caller: Caller, access: AccessRules, account: str) -> CallerView:
    """Return the caller with their roles and allowed acts. Grants that apply only to batches of certain owners are left out."""
    roles = tuple(sorted(role.value for role in caller_roles(caller, access, account=account)))
    may = tuple(sorted(act for act in MAY if _is_allowed(caller, act, access, account)))
    return CallerView(caller.name, caller.trust.value, caller.issuer, caller.subject, roles, may)


def _is_allowed(caller: Caller, act: str, access: AccessRules, account: str) -> bool:
    try:
        authorize(caller, act, access, account=account)
    except Refused:
        return False
    return True
