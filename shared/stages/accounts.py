"""Records member accounts that refuse the pipeline's calls, checks blocked accounts in each tick, and unblocks accounts that work
again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from shared.domain.accounts import NO_PERMISSION, first_refusal_record
from shared.domain.errors import AccountUnusable, ReplankError
from shared.domain.migration import Migration
from shared.domain.timing import LOST, is_retry_tick
from shared.ports.ports import Ports

_LOG = logging.getLogger("replank")


def record_account_refusal(error: ReplankError, ports: Ports) -> None:
    """Record that a member account refuses the pipeline's calls, and why. No migration starts in an account while it is blocked.

    An error that does not come from an account's refusal is ignored.
    """
    if not isinstance(error, AccountUnusable):
        return
    now = ports.clock.now()
    known = ports.admission.unusable_accounts([error.account_id]).get(error.account_id)
    ports.admission.write_account_refusal(known.next_refusal_record(error, now) if known else first_refusal_record(error, now))
    facts = {"accountId": error.account_id, "code": error.code, "remedy": error.remedy}
    _LOG.error("an account cannot be used: %s", error.message, extra={"facts": facts})


def recheck_blocked_accounts(ports: Ports) -> frozenset[str]:
    """Check each blocked account, and unblock the accounts that can be used. Return the ids of the accounts that stay blocked."""
    now = ports.clock.now()
    troubles = ports.admission.unusable_accounts(sorted(ports.member_accounts))
    for trouble in troubles.values():
        if trouble.code != NO_PERMISSION:
            if is_retry_tick(now - trouble.since) or not trouble.is_account_blocked(now):
                check_account(trouble.account_id, ports)
        elif now - trouble.until > LOST:
            # A new session does not show whether a call is still forbidden. Only the call itself shows it. By now the call has been
            # made again, and was not refused.
            ports.admission.delete_account_refusal(trouble.account_id)
    after = ports.admission.unusable_accounts(sorted(troubles))
    return frozenset(account for account, trouble in after.items() if trouble.is_account_blocked(now))


def check_account(account_id: str, ports: Ports) -> ReplankError | None:
    """Check whether the account can be used, with a new session. A check with an older session proves nothing, because its
    credentials can stay valid after the account has withdrawn the permission.

    Return the error of an account that refuses or does not answer. A refusal is recorded, and the end of a refusal too.
    """
    try:
        session = f"replank-look-{ports.clock.now():%d-%H%M}"
        ports.ports_for_account(account_id, session).compute.regions()
    except AccountUnusable as error:
        record_account_refusal(error, ports)
        return error
    except ReplankError as error:
        _LOG.warning("account %s does not answer: %s", account_id, error)
        return error
    ports.admission.delete_account_refusal(account_id)
    return None


def postpone_blocked_migrations(migrations: Sequence[Migration], blocked: Collection[str], ports: Ports) -> list[Migration]:
    """Return the migrations whose accounts can be used.

    Migrations of blocked accounts get a later due time. With their old due times, migrations of blocked accounts would take up
    every tick.
    """
    free = [each for each in migrations if each.account_id not in blocked]
    for each in migrations:
        if each.account_id in blocked and each.due_at is not None and not each.owes:
            ports.migrations.change_due_time(each, ports.clock.now() + LOST)
    return free
