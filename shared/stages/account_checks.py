"""Checks every account for `replank doctor`: its role, its separate role for RunCommand, and the commands that it keeps.

Only the functions may assume the roles, so the command line asks the watch function. Nothing is changed, except that a member
account is blocked or unblocked, as in a tick.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from shared.domain.accounts import OWN
from shared.domain.errors import ReplankError
from shared.domain.message import Outcome
from shared.domain.record import dataclass
from shared.ports.ports import Ports
from shared.stages.accounts import check_account

MOST_TOLD = 40
"""Maximum number of problems in one answer. The others are counted."""
MOST_BATCHES = 100
"""Maximum number of open batches whose regions are read."""


@dataclass(frozen=True)
class AccountProblem:
    """What is wrong with an account, and what a person has to do. ``about`` is role, runCommandRole or commands."""

    account_id: str
    about: str
    code: str
    message: str
    remedy: str


def check_every_account(ports: Ports) -> Outcome:
    """Check the deployment's own account and each member account, each role and each region in use.

    The result is JSON. ``problems`` has at most MOST_TOLD objects with accountId, about, code, message and remedy; ``more`` is the
    number of problems left out. ``runCommandRoles`` lists the accounts that have such a role. ``commandRegions`` maps each account
    to the regions whose kept commands were checked; it is empty if the deployment keeps none.
    """
    problems: list[AccountProblem] = []
    with_role: list[str] = []
    regions = _regions_in_use(ports) if ports.guest.keeps_commands else {}
    for account_id in (OWN, *sorted(ports.member_accounts)):
        shown = account_id or ports.account_id
        error = check_account(account_id, ports) if account_id else None
        if error is not None:
            problems.append(_problem(shown, "role", error))
        there = ports.ports_for_account(account_id, _session_name(ports))
        try:
            if there.guest.check_run_command_role():
                with_role.append(shown)
        except ReplankError as refusal:
            with_role.append(shown)
            problems.append(_problem(shown, "runCommandRole", refusal))
        if error is None:
            for region_id in sorted(regions.get(account_id, ())):
                problems += _command_problems(shown, region_id, there)
    answer = {
        "problems": [
            {"accountId": each.account_id, "about": each.about, "code": each.code, "message": each.message, "remedy": each.remedy}
            for each in problems[:MOST_TOLD]
        ],
        "more": max(len(problems) - MOST_TOLD, 0),
        "runCommandRoles": with_role,
        "commandRegions": {account_id or ports.account_id: sorted(each) for account_id, each in regions.items()},
    }
    return Outcome(json.dumps(answer), {"accounts": len(ports.member_accounts), "problems": len(problems)})


def _command_problems(account_id: str, region_id: str, there: Ports) -> list[AccountProblem]:
    from shared.domain.missing_command import changed_command_refusal, missing_command_refusal
    from shared.domain.recipes.choose import all_recipes
    from shared.probes.kept import kept_scripts

    try:
        found = there.guest.unusable_commands(region_id, [each.name for each in kept_scripts(all_recipes(there.catalog))])
    except ReplankError as error:
        return [_problem(account_id, "commands", error)]
    refusals: tuple[tuple[tuple[str, ...], Callable[..., ReplankError]], ...] = (
        (found.missing, missing_command_refusal),
        (found.changed, changed_command_refusal),
    )
    return [_problem(account_id, "commands", refusal(account_id, region_id, names)) for names, refusal in refusals if names]


def _regions_in_use(ports: Ports) -> dict[str, set[str]]:
    """The regions of each account: those of REPLANK_REGIONS, and those that the selections of open batches name."""
    found = {account_id: set(ports.regions) for account_id in (OWN, *ports.member_accounts)}
    for summary in ports.batches.open_batches(MOST_BATCHES):
        selection = ports.batches.load(summary.batch_id).selection
        for account_id in selection.account_ids:
            found.get(account_id, set()).update(selection.regions)
    return found


def _session_name(ports: Ports) -> str:
    """A session of its own in each minute: an older one may have credentials that the account has withdrawn."""
    return f"replank-look-{ports.clock.now():%d-%H%M}"


def _problem(account_id: str, about: str, error: ReplankError) -> AccountProblem:
    return AccountProblem(account_id, about, error.code, error.message, error.remedy)
