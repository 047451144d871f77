"""Decides whether an event may pass from one account's bus to another account's.

The receiving account must have a role for this. Its trust policy names EventBridge in the sending account (the service
``ACCOUNT@eventbridge.aliyuncs.com``), and its policies allow eventbridge:PutEvents. The target of the sending rule names the role
in the parameter RAMRoleName. Source: alibabacloud.com/help/en/eventbridge/use-cases/route-events-across-alibaba-cloud-accounts.
"""

from __future__ import annotations

from localcloud.core import trust
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError


def require(cloud: Cloud, account: str, bus: str, role_name: str) -> None:
    """Raise ApiError unless the current account may publish on a bus of ``account`` through the role."""
    sender = f"{cloud.account_id}@eventbridge.aliyuncs.com"
    if not cloud.accounts.has(account):
        raise ApiError("EventBusNotExist", f"The account {account} does not exist.", 409)
    with cloud.accounts.acting(account):
        role = cloud.policies.role(role_name) if role_name else None
        if role is None or role.withdrawn or not trust.trusts(role.trust, [sender], {}, "Service"):
            raise ApiError("AccessDenied", f"No role {role_name!r} of the account {account} trusts {sender}.", 403)
        arn = f"acs:eventbridge:{cloud.region}:{account}:eventbus/{bus}"
        if not cloud.policies.allows(f"role:{role.name}", "eventbridge:PutEvents", arn):
            raise ApiError("AccessDenied", f"The role {role_name} of the account {account} may not publish on {bus}.", 403)
