"""The API's operations that describe the deployment: accounts, stuck rows, sign-in provider, settings, health, and the caller's
rights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shared.runtime.router import ApiCall, Reply, Route
from shared.stages.api import accounts

if TYPE_CHECKING:
    from shared.runtime.settings import Settings


def _list_stuck_rows(call: ApiCall) -> Reply:
    from shared.stages.api import stuck

    return Reply(stuck.stuck_rows(call.ports))


def _list_accounts(call: ApiCall) -> Reply:
    return Reply(accounts.account_list(call.ports))


def _get_sign_in_provider(call: ApiCall) -> Reply:
    from shared.stages.api.people_views import SignInProvider

    return Reply(SignInProvider(*call.sign_in))


def _list_settings(call: ApiCall) -> Reply:
    from shared.runtime import shown_settings  # asked for seldom

    return Reply(shown_settings.setting_list(cast("Settings", call.prices)))


def _get_caller(call: ApiCall) -> Reply:
    from shared.stages.api import me

    return Reply(me.caller_view(call.caller, call.access, call.account))


def _get_health(call: ApiCall) -> Reply:
    from shared.stages.api import health  # asked for seldom

    return Reply(health.health_view(call.ports))


DEPLOYMENT_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/accounts",
        "listAccounts",
        "The accounts that Replank serves, and why an account cannot be used now.",
        _list_accounts,
        "views.AccountList",
    ),
    Route(
        "GET",
        "/stuck",
        "listStuck",
        "The rows that cannot continue by themselves, each with its cause and remedy.",
        _list_stuck_rows,
        "people_views.StuckRowList",
    ),
    Route(
        "GET",
        "/sign-in",
        "getSignIn",
        "The sign-in provider and the client id to use there; both are empty if the deployment has no provider.",
        _get_sign_in_provider,
        "people_views.SignInProvider",
    ),
    Route(
        "GET",
        "/settings",
        "listSettings",
        "The settings in force, without secrets.",
        _list_settings,
        "people_views.SettingList",
    ),
    Route(
        "GET",
        "/me",
        "getMe",
        "The caller's name and roles, and the acts that the caller may carry out.",
        _get_caller,
        "people_views.CallerView",
        personal=True,
    ),
    Route(
        "GET",
        "/health",
        "getHealth",
        "Whether the tick runs, and where to see dead letters and the functions' errors.",
        _get_health,
        "people_views.HealthView",
    ),
)
