"""Shows the accounts that the deployment serves, and the reason for each account that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

from shared.ports.ports import Ports
from shared.stages.api import views


def account_list(ports: Ports) -> views.AccountList:
    """Return the deployment's own account and its member accounts. An account that cannot be used is returned with the reason."""
    troubles = {each.account_id: each for each in unusable_accounts(sorted(ports.member_accounts), ports)}
    own = views.AccountView(ports.account_id, "", "", None)
    members = (
        views.AccountView(each.account_id, each.name, each.role_arn, troubles.get(each.account_id))
        for each in ports.member_accounts.values()
    )
    return views.AccountList((own, *members))


def unusable_accounts(accounts: Sequence[str], ports: Ports) -> tuple[views.AccountTrouble, ...]:
    """Return each account that cannot be used, with the reason; empty if all accounts can be used."""
    found = ports.admission.unusable_accounts(accounts).values()
    return tuple(views.AccountTrouble(each.account_id, each.code, each.message, each.remedy, each.since) for each in found)
