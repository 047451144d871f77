"""The commands login, logout and whoami: sign in, sign out, and show who you are to the API."""

from __future__ import annotations

import time
import webbrowser
from typing import Annotated, Any

import typer

from cli import output
from cli.client import Api
from cli.options import AsJson
from cli.problem import Problem, bad_input, option_without_effect
from cli.signin import kept
from cli.signin.loopback import LoopbackServer
from cli.signin.provider import OpenIdProvider

Json = dict[str, Any]
WAIT_S = 300


def register_commands(app: typer.Typer) -> None:
    """Add the commands login, logout and whoami to the command line."""
    app.command("login")(sign_in)
    app.command("logout")(sign_out)
    app.command("whoami")(show_identity)


def sign_in(
    device: Annotated[bool, typer.Option("--device", help="Show a code to enter on another machine.")] = False,
    paste: Annotated[bool, typer.Option("--paste", help="Show the address, and paste back where the browser ends.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address; open it on this machine.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for the browser to come back to; 0: any free one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Sign in at the deployment's sign-in provider. After a sign-in, your acts are recorded under a verified name."""
    if device and paste:
        raise bad_input("Option.Conflict", "--device and --paste exclude each other.", "Give one of them.")
    other = "--device" if device else "--paste"
    if no_browser and (device or paste):
        raise option_without_effect("--no-browser", f"with {other}", "No browser is opened then; leave it out.")
    if port and device:
        raise option_without_effect("--port", "with --device", "Nothing comes back to this machine then; leave it out.")
    api = Api.from_environment(signed_in=False)
    at = api.get("/sign-in")
    if not at["issuer"]:
        raise Problem(
            "SignIn.NoProvider",
            "This deployment verifies no names: no provider is set.",
            "Set REPLANK_OIDC_ISSUER and REPLANK_OIDC_AUDIENCE and deploy again (docs/operations.md).",
        )
    provider = OpenIdProvider(at["issuer"], at["clientId"])
    tokens = (
        _sign_in_by_device(provider)
        if device
        else _sign_in_by_paste(provider, port)
        if paste
        else _sign_in_by_browser(provider, port, no_browser)
    )
    where = kept.store_tokens(api.url, provider, tokens)
    me = Api.from_environment().get("/me")
    if as_json:
        output.show_json({**me, "keptIn": where})
        return
    print(f"Signed in as {me['name']} ({me['issuer']}). Kept in {where}.")
    _print_roles(me)


def sign_out(as_json: AsJson = False) -> None:
    """Delete the sign-in token on this machine. The deleted token still stays valid until it expires."""
    api = Api.from_environment(signed_in=False)
    there = kept.delete_tokens(api.url)
    if as_json:
        output.show_json({"signedOut": there})
        return
    print("Signed out." if there else "Nobody was signed in.")


def show_identity(as_json: AsJson = False) -> None:
    """Show your name as the API knows it, how the name was verified, and what you may do."""
    me = Api.from_environment().get("/me")
    if as_json:
        output.show_json(me)
        return
    print(f"{me['name']}, {me['trust']}{' by ' + me['issuer'] if me['issuer'] else ': a header says so'}.")
    _print_roles(me)


def _print_roles(me: Json) -> None:
    print(f"Roles: {', '.join(me['roles'])}.")
    print(f"May: {', '.join(me['may']) or 'look, and nothing else'}.")


def _sign_in_by_browser(provider: OpenIdProvider, port: int, no_browser: bool) -> Json:
    try:
        loopback = LoopbackServer(port)
    except OSError as error:
        raise bad_input("Port.Taken", f"Port {port} cannot be used: {error.strerror}.", "Give another --port.") from error
    with loopback:
        asked = provider.new_code_request(loopback.redirect_uri)
        if no_browser or not webbrowser.open(asked.url):
            output.print_note(f"Open this address on this machine:\n\n{asked.url}\n")
        else:
            output.print_note("Your browser shows the sign-in page. Without one: `replank login --device` or `--paste`.")
        answer = loopback.wait_for_answer(WAIT_S)
    if not answer:
        raise Problem("SignIn.TimedOut", f"Nobody signed in within {WAIT_S // 60} minutes.", "Start again.")
    return provider.redeem_code(asked, answer)


def _sign_in_by_paste(provider: OpenIdProvider, port: int) -> Json:
    asked = provider.new_code_request(f"http://127.0.0.1:{port or 8400}/callback")
    output.print_note(
        f"Open this address in any browser:\n\n{asked.url}\n\nIt ends at an address that cannot be shown. Copy it from the bar."
    )
    try:
        answer = input("Address: ").strip()
    except EOFError:
        answer = ""
    if not answer:
        raise bad_input("Argument.Missing", "No address was given.", "Paste the address at which the browser ended.")
    return provider.redeem_code(asked, answer)


def _sign_in_by_device(provider: OpenIdProvider) -> Json:
    def show_code(asked: Json) -> None:
        output.print_note(f"Open {asked['verification_uri']} on any machine, and enter the code {asked['user_code']}.")

    return provider.sign_in_by_device(show_code, time.sleep)
