"""The part of the cloud's own endpoint that handles accounts, roles, users, stacks and temporary credentials.

``GET /accounts`` shows no secrets. ``POST /accounts`` returns the keys of the account's owner, as the ready line does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud.core import members
from localcloud.core.app import Cloud
from localcloud.core.http import Request
from localcloud.deploy import stack
from localcloud.deploy.document import DeployError
from localcloud.eventbridge import EventBridge

Json = dict[str, Any]


class AccountsAdmin:
    """Registers the handlers for accounts, roles, users, stacks and credentials in the hook ``admin``."""

    def __init__(self, cloud: Cloud, eventbridge: EventBridge) -> None:
        self._cloud, self._eventbridge = cloud, eventbridge
        posts: dict[str, tuple[Callable[[Json], Json], set[str]]] = {
            "accounts": (self._put_account, {"id", "name", "directory", "roles"}),
            "roles": (self._put_role, {"account", "role", "trust", "policies", "max_session_s", "withdraw", "restore"}),
            "users": (self._put_user, {"account", "user", "policies"}),
            "stacks": (self._create_stack, {"account", "template", "parameters"}),
            "credentials": (self._expire, {"account", "role", "session", "expire"}),
        }
        for name, (perform, fields) in posts.items():
            cloud.hooks.admin[name] = lambda request, perform=perform, fields=fields: self._answer(request, perform, fields)

    def _answer(self, request: Request, perform: Callable[[Json], Json], fields: set[str]) -> tuple[int, Json]:
        with self._cloud.lock:
            if request.method == "GET":
                return 200, {"accounts": self._shown()}
            try:
                given = _object(request, fields)
                with self._cloud.db.transaction():
                    return 200, perform(given)
            except (ValueError, KeyError, TypeError, DeployError) as error:
                members.forget_caches(self._cloud)
                return 422, {"error": str(error)}

    def _shown(self) -> list[Json]:
        cloud, now = self._cloud, self._cloud.clock.now_ms()
        live = [key for key in cloud.identities.sessions() if key.expires_ms > now]
        return [
            {
                "id": account.id,
                "name": account.name,
                "directory": account.directory,
                "access_key_id": members.owner_of(cloud, account.id).access_key_id,
                "roles": self._roles(account.id),
                "sessions": sum((key.account or cloud.accounts.own) == account.id for key in live),
            }
            for account in cloud.accounts.all()
        ]

    def _roles(self, account: str) -> list[Json]:
        with self._cloud.accounts.acting(account):
            return [
                {
                    "role": role.name,
                    "arn": f"acs:ram::{account}:role/{role.name.lower()}",
                    "max_session_s": role.max_session_s,
                    "withdrawn": role.withdrawn,
                }
                for role in self._cloud.policies.of_account()
            ]

    def _put_account(self, given: Json) -> Json:
        key = members.open_account(self._cloud, str(given["id"]), {name: given[name] for name in given if name != "id"})
        return {"id": str(given["id"]), "access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}

    def _put_role(self, given: Json) -> Json:
        account, name = str(given.get("account", self._cloud.accounts.own)), str(given["role"])
        if "withdraw" in given or given.get("restore"):
            members.withdraw_role(self._cloud, account, name, "" if given.get("restore") else given["withdraw"])
        else:
            members.set_role(self._cloud, account, name, given)
        return {"arn": f"acs:ram::{account}:role/{name.lower()}"}

    def _put_user(self, given: Json) -> Json:
        account = str(given.get("account", self._cloud.accounts.own))
        key = members.put_user(self._cloud, account, str(given["user"]), given)
        return {"access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}

    def _create_stack(self, given: Json) -> Json:
        """Apply a template in an account. Returns the ARNs of its roles, the names of its rules, and its outputs."""
        account = str(given.get("account", self._cloud.accounts.own))
        parameters = {str(name): str(value) for name, value in dict(given.get("parameters", {})).items()}
        made = stack.read("template", str(given["template"]), account, parameters)
        stack.create(made, self._cloud, self._eventbridge, account)
        roles = [f"acs:ram::{account}:role/{role['RoleName'].lower()}" for role in made.roles]
        rules = [f"{rule['EventBusName']}/{rule['RuleName']}" for rule in made.rules]
        return {"roles": roles, "rules": rules, "outputs": made.outputs}

    def _expire(self, given: Json) -> Json:
        if given.pop("expire", None) is not True:
            raise ValueError('say {"expire": true}, with account, role or session')
        return {"expired": members.expire_credentials(self._cloud, **{name: str(value) for name, value in given.items()})}


def _object(request: Request, fields: set[str]) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except RecursionError as error:
        raise ValueError("the body is no JSON") from error
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    if unknown := set(body) - fields:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}; known are {', '.join(sorted(fields))}")
    return body
