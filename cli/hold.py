"""The command hold: puts the account on hold, releases the hold, or shows whether the account is on hold."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.problem import Problem, bad_input_problem, option_without_effect_problem

Json = dict[str, Any]


def add_commands(app: typer.Typer) -> None:
    """Add the command hold to the command line."""
    app.command("hold")(hold_or_release_account)


def hold_or_release_account(
    release: Annotated[
        bool, typer.Option("--release", help="Release the hold, so that starts are allowed again. Needs --why.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Only show whether there is a hold, and the last acts on it.")] = False,
    why: Annotated[str, typer.Option(help="The reason. It is shown with every answer and kept in the history.")] = "",
    as_json: AsJson = False,
) -> None:
    """Hold the account: nothing new starts, not even next hops and retries.

    During a hold, running work is finished, and rollbacks remain possible.
    """
    for name, given in (("--release", release), ("--why", why)):
        if show and given:
            raise option_without_effect_problem(name, "with --show, which changes nothing", "Leave one of them out.")
    if release and not why:
        raise bad_input_problem(
            "Argument.Missing", "A release needs a reason.", "Give --why: what was wrong, and why starts are safe again."
        )
    api = ApiClient.from_environment()
    answer = api.get("/hold") if show else _release_hold(api, why) if release else api.post("/hold", {"why": why} if why else {})
    if as_json:
        output.show_json(answer)
        return
    print(f"{answer['reason'][:1].upper()}{answer['reason'][1:]}." if answer["held"] else "Nothing is held.")
    rows = [(output.time_in_words(each["at"]), each["act"], output.actor_in_words(each), each["why"]) for each in answer["history"]]
    if rows:
        output.print_table(("at", "act", "by", "why"), rows)


def _release_hold(api: ApiClient, why: str) -> Any:
    """Release the current hold. If somebody else sets a new hold in the meantime, the new hold stays in force."""
    found = api.get("/hold")
    if not found["held"]:
        raise Problem("Hold.NotHeld", "Nothing is held.", "Nothing to do: `replank hold --show` shows the last acts.")
    return api.post("/hold/release", {"why": why, "version": found["version"]})
