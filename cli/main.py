"""The command `replank`: collects all commands, prints errors, and sets the exit status."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from cli.output import escaped_output, show_problem
from cli.problem import BAD_INPUT, NEGATIVE, Problem
from shared import __version__
from shared.domain.errors import MessageFate, ReplankError

app = typer.Typer(
    name="replank",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Replaces the end-of-life operating system under a fleet of Alibaba Cloud ECS instances, step by step and reversibly.",
    epilog=(
        "Exit status: 0 done; 1 negative outcome (refused, failed, not reachable); 2 wrong option, file or setting. "
        "Settings: REPLANK_API_URL (URL of the api function's HTTP trigger), ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, "
        "REPLANK_OPERATOR (who acts; default: the login name). `replank doctor` checks them all."
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GROUPS = (
    *("batches", "migrations", "policy", "brakes", "approvals", "planning", "hold", "login", "audit", "report", "snapshots"),
    *("catalog", "assess", "events", "invoke", "bootstrap", "doctor", "run.command", "local.command"),
)


def _add_all_commands() -> None:
    for name in _GROUPS:
        importlib.import_module(f"cli.{name}").add_commands(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"replank {__version__}")
        raise typer.Exit


@app.callback()
def _shared_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """The options of `replank` itself, which come before the name of a command."""


def main() -> None:
    """The entry point of the installed script `replank`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line, and return the exit status. Control characters in the output are escaped."""
    with escaped_output():
        return _run_and_show_errors(arguments)


def _run_and_show_errors(arguments: list[str]) -> int:
    _add_commands_once()
    as_json = "--json" in arguments
    try:
        result = app(args=arguments, prog_name="replank", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except Problem as problem:
        show_problem(problem, as_json=as_json)
        return problem.exit_status
    except ReplankError as error:
        status = BAD_INPUT if error.fate is MessageFate.REFUSED else NEGATIVE
        show_problem(Problem(error.code, error.message, error.remedy), as_json=as_json)
        return status
    except typer.Exit as exit_:
        return exit_.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("Interrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        return _show_usage_error(error, as_json)


def _show_usage_error(error: Exception, as_json: bool) -> int:
    """Print the error message for an invalid command line (an exception of click). Returns the exit status.

    Any other exception is raised again.
    """
    show = getattr(error, "show", None)
    if show is None:
        raise error
    if as_json:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "replank"
        message = str(getattr(error, "format_message", lambda: error)())
        show_problem(Problem("Usage.Invalid", message, f"See {command} --help."), as_json=True)
    else:
        show()
    return int(getattr(error, "exit_code", BAD_INPUT))


def _add_commands_once() -> None:
    if not app.registered_commands:
        _add_all_commands()


if __name__ == "__main__":
    main()
