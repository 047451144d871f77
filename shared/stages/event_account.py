"""Which account an event of ECS is about."""

from __future__ import annotations

from shared.domain.message import Message
from shared.ports.ports import Ports


def account_of_event(message: Message, ports: Ports) -> str | None:
    """Return the event's account as the rows store it; None if this deployment does not serve the account.

    An event without an account is about the deployment's own account. Only the event bus of the deployment's own account publishes
    events without an account.
    """
    named = message.account_id
    if not named or named in ports.member_accounts:
        return named
    if not ports.account_id:  # the platform does not say which account is the deployment's own
        return None if ports.member_accounts else ""
    return "" if named == ports.account_id else None
