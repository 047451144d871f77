"""The commands login, logout and whoami: sign in, sign out, and show the name under which the API knows you."""

from __future__ import annotations

import time
import webbrowser
from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.problem import Problem, bad_input_problem, option_without_effect_problem
from cli.signin import kept
from cli.signin.loopback import LoopbackServer
from cli.signin.provider import OpenIdProvider

Json = dict[str, Any]
WAIT_S = 300


def add_commands(app: typer.Typer) -> None:
    """Add the commands login, logout and whoami to the command line."""
    app.command("login")(sign_in)
    app.command("logout")(sign_out)
    app.command("whoami")(show_identity)


def sign_in(
    device: Annotated[bool, typer.Option("--device", help="Show a code to enter on another machine.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Show the sign-in address, and ask for the address at which the browser ends.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address, which you then open on this machine.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to which the browser is redirected. 0: any free one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Sign in at the deployment's sign-in provider. After a sign-in, your acts are recorded under a verified name."""
    if device and paste:
        raise bad_input_problem("Option.Conflict", "--device and --paste cannot be used together.", "Leave one of them out.")
    other = "--device" if device else "--paste"
    if no_browser and (device or paste):
        raise option_without_effect_problem("--no-browser", f"with {other}", "Leave it out: no browser is opened then.")
    if port and device:
        raise option_without_effect_problem(
            "--port", "with --device", "Leave it out: no browser is redirected to this machine then."
        )
    api = ApiClient.from_environment(signed_in=False)
    at = api.get("/sign-in")
    if not at["issuer"]:
        raise Problem(
            "SignIn.NoProvider",
            "This deployment cannot verify names, because it has no sign-in provider.",
            "Set REPLANK_OIDC_ISSUER and REPLANK_OIDC_AUDIENCE and deploy again (docs/operations.md).",
        )
    provider = OpenIdProvider(at["issuer"], at["clientId"])
    tokens = (
        _sign_in_by_device(provider)
        if device
        else _sign_in_by_pasted_address(provider, port)
        if paste
        else _sign_in_by_browser(provider, port, no_browser)
    )
    where = kept.store_tokens(api.url, provider, tokens)
    me = ApiClient.from_environment().get("/me")
    if as_json:
        output.show_json({**me, "keptIn": where})
        return
    print(f"Signed in as {me['name']} ({me['issuer']}). Kept in {where}.")
    _print_roles(me)


def sign_out(as_json: AsJson = False) -> None:
    """Delete the sign-in token on this machine. The token itself stays valid until it expires."""
    api = ApiClient.from_environment(signed_in=False)
    there = kept.delete_tokens(api.url)
    if as_json:
        output.show_json({"signedOut": there})
        return
    print("Signed out." if there else "Nobody was signed in.")


def show_identity(as_json: AsJson = False) -> None:
    """Show the name under which the API knows you, how the API verified the name, and what you may do."""
    me = ApiClient.from_environment().get("/me")
    if as_json:
        output.show_json(me)
        return
    print(f"{me['name']}, {me['trust']}{' by ' + me['issuer'] if me['issuer'] else ': a header says so'}.")
    _print_roles(me)


def _print_roles(me: Json) -> None:
    print(f"Roles: {', '.join(me['roles'])}.")
    print(f"May: {', '.join(me['may']) or 'only read'}.")


def _sign_in_by_browser(provider: OpenIdProvider, port: int, no_browser: bool) -> Json:
    try:
        loopback = LoopbackServer(port)
    except OSError as error:
        raise bad_input_problem("Port.Taken", f"Port {port} cannot be used: {error.strerror}.", "Give another --port.") from error
    with loopback:
        asked = provider.make_code_request(loopback.redirect_uri)
        if no_browser or not webbrowser.open(asked.url):
            output.print_note(f"Open this address on this machine:\n\n{asked.url}\n")
        else:
            output.print_note("Your browser shows the sign-in page. Without one: `replank login --device` or `--paste`.")
        answer = loopback.wait_for_answer(WAIT_S)
    if not answer:
        raise Problem("SignIn.TimedOut", f"Nobody signed in within {WAIT_S // 60} minutes.", "Start again.")
    return provider.redeem_code(asked, answer)


def _sign_in_by_pasted_address(provider: OpenIdProvider, port: int) -> Json:
    asked = provider.make_code_request(f"http://127.0.0.1:{port or 8400}/callback")
    output.print_note(
        f"Open this address in any browser:\n\n{asked.url}\n\n"
        "After the sign-in, the browser shows an error. Copy the address of that page from the address bar."
    )
    try:
        answer = input("Address: ").strip()
    except EOFError:
        answer = ""
    if not answer:
        raise bad_input_problem("Argument.Missing", "No address was given.", "Paste the address at which the browser ended.")
    return provider.redeem_code(asked, answer)


def _sign_in_by_device(provider: OpenIdProvider) -> Json:
    def show_device_code(asked: Json) -> None:
        output.print_note(f"Open {asked['verification_uri']} on any machine, and enter the code {asked['user_code']}.")

    return provider.sign_in_by_device(show_device_code, time.sleep)
