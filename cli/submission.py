"""The options of a submission, which several commands share, and the request body that is made from the options."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from cli.ids_file import read_ids
from cli.problem import bad_input_problem
from cli.today import today_in_utc
from shared.domain.policy import BOUNDS, DEFAULTS, WORDS
from shared.domain.selecting import MOST_IDS

Json = dict[str, Any]
_LEAST, _MOST = BOUNDS["maxMoving"]
_Texts = list[str] | None


def _repeatable_option(name: str, help: str) -> Any:
    return typer.Option(name, help=f"{help} May be repeated.")


def submission_body(  # noqa: PLR0913 - one parameter per option
    instance: Annotated[_Texts, typer.Option("--instance", "-i", help="Instance id; may be repeated.")] = None,
    ids_from: Annotated[
        str, typer.Option("--ids-from", help="File with one instance id per line; - for standard input. # begins a comment.")
    ] = "",
    release: Annotated[_Texts, _repeatable_option("--release", "All instances on this release (key or name).")] = None,
    tag: Annotated[
        _Texts,
        _repeatable_option("--tag", "Instances with this tag: KEY=VALUE, or KEY for any value. All given tags must match."),
    ] = None,
    resource_group: Annotated[_Texts, _repeatable_option("--resource-group", "Instances in this resource group.")] = None,
    vpc: Annotated[_Texts, _repeatable_option("--vpc", "Instances in this VPC.")] = None,
    name: Annotated[_Texts, _repeatable_option("--name", "Instances whose name matches this pattern, such as 'web-*'.")] = None,
    region: Annotated[_Texts, _repeatable_option("--region", "Region id; default: the regions that the pipeline covers.")] = None,
    account: Annotated[_Texts, _repeatable_option("--account", "Account id; default: the pipeline's own account.")] = None,
    exclude: Annotated[_Texts, _repeatable_option("--exclude", "Leave this instance id out.")] = None,
    exclude_ids_from: Annotated[
        str, typer.Option("--exclude-ids-from", help="Leave out the ids in this file, which has the same form as for --ids-from.")
    ] = "",
    exclude_release: Annotated[_Texts, _repeatable_option("--exclude-release", "Leave out instances on this release.")] = None,
    exclude_tag: Annotated[
        _Texts, _repeatable_option("--exclude-tag", "Leave out instances that have this tag. One of several tags is enough.")
    ] = None,
    exclude_resource_group: Annotated[
        _Texts, _repeatable_option("--exclude-resource-group", "Leave out instances in this resource group.")
    ] = None,
    exclude_vpc: Annotated[_Texts, _repeatable_option("--exclude-vpc", "Leave out instances in this VPC.")] = None,
    exclude_name: Annotated[
        _Texts, _repeatable_option("--exclude-name", "Leave out instances whose name matches this pattern.")
    ] = None,
    to: Annotated[
        _Texts, typer.Option("--to", help="Destination release; INSTANCE=RELEASE for one instance. Default: the catalog's choice.")
    ] = None,
    max_moving: Annotated[
        int | None,
        typer.Option(help=f"{WORDS['maxMoving']} Default: the policy file's, else {DEFAULTS['maxMoving']}.", min=_LEAST, max=_MOST),
    ] = None,
    file: Annotated[_Texts, _repeatable_option("--file", "File in the guests whose content must stay the same.")] = None,
    check: Annotated[
        str | None,
        typer.Option(help="Command that runs in the guests before and after, once acknowledged. Exit status 0 means passed."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON file with the policy (replank policy check). Options override the file."),
    ] = None,
    calendar: Annotated[
        Path | None, typer.Option(help="Calendar file (.ics): its events of the next 400 days are added to the policy's blackouts.")
    ] = None,
    client_token: Annotated[str, typer.Option(help="A second request with the same token returns the same batch.")] = "",
) -> Json:
    """The body of the API request POST /batches that the options describe."""
    places = {"regionIds": region, "accountIds": account}
    chosen = _selection_criteria(_read_and_merge_ids(instance, ids_from, "--ids-from"), release, tag, resource_group, vpc, name)
    left_out = _selection_criteria(
        _read_and_merge_ids(exclude, exclude_ids_from, "--exclude-ids-from"),
        *(exclude_release, exclude_tag, exclude_resource_group, exclude_vpc, exclude_name),
    )
    body: Json = {**({"clientToken": client_token} if client_token else {}), **chosen}
    body |= {field: list(value) for field, value in places.items() if value}
    body |= {"exclude": left_out} if left_out else {}
    body |= _destination_fields(to or [])
    options = {"maxMoving": max_moving, "files": file, "check": check}
    own = {field: value for field, value in options.items() if value is not None}
    limits = {**_read_policy(policy, calendar), **own}
    return {**body, "policy": limits} if limits else body


def body_with_token(body: Json) -> Json:
    """The request body with a client token, which is added if it is missing. A repeated request with the same token returns the
    same batch.
    """
    return {"clientToken": uuid.uuid4().hex, **body}


def add_submission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the options of a submission. The command receives the request body as ``body``."""
    theirs = inspect.signature(submission_body).parameters
    mine = {name: each for name, each in inspect.signature(command).parameters.items() if name != "body"}

    @wraps(command)
    def command_with_options(**given: Any) -> Any:
        return command(submission_body(**{name: given[name] for name in theirs}), **{name: given[name] for name in mine})

    hints = get_type_hints(submission_body, include_extras=True) | get_type_hints(command, include_extras=True)
    all_of_them = [each.replace(annotation=hints[each.name]) for each in (*theirs.values(), *mine.values())]
    command_with_options.__signature__ = inspect.Signature(all_of_them)  # type: ignore[attr-defined]
    command_with_options.__annotations__ = {each.name: each.annotation for each in all_of_them}
    return command_with_options


def _read_and_merge_ids(given: _Texts, file: str, option: str) -> list[str]:
    """The instance ids from the options and from the file, without duplicates."""
    found = list(dict.fromkeys([*(given or ()), *(read_ids(file, option) if file else ())]))
    if len(found) > MOST_IDS:
        sentence = f"{len(found)} instance ids are more than the maximum of {MOST_IDS}."
        raise bad_input_problem("Option.Invalid", sentence, "Submit several batches, or select by tag or name.")
    return found


def _selection_criteria(ids: list[str], release: _Texts, tag: _Texts, group: _Texts, vpc: _Texts, name: _Texts) -> Json:
    kinds = {"instanceIds": ids, "releases": release, "tags": tag, "resourceGroupIds": group, "vpcIds": vpc, "names": name}
    return {kind: list(values) for kind, values in kinds.items() if values}


def _destination_fields(given: list[str]) -> Json:
    single = [each for each in given if "=" not in each]
    if len(single) > 1:
        raise bad_input_problem(
            "Option.Invalid",
            "--to names more than one destination for all instances.",
            "Use INSTANCE=RELEASE for single instances.",
        )
    pairs = [item.split("=", 1) for item in given if "=" in item]
    each = dict(pairs)
    if len(each) < len(pairs):
        raise bad_input_problem("Option.Invalid", "--to names an instance twice.", "Give each instance one destination.")
    return {**({"destination": single[0]} if single else {}), **({"destinations": each} if each else {})}


def _read_policy(file: Path | None, calendar: Path | None) -> Json:
    """The policy in the policy file, with the calendar's events added to its blackouts.

    The modules for YAML and calendars are imported here, because they load slowly and most submissions need neither.
    """
    found: Json = {}
    if file:
        from cli.policy_file import read_policy_file

        found = read_policy_file(file)
    if calendar:
        from cli.calendar import read_blackouts

        black = read_blackouts(calendar, today_in_utc(), str(found.get("zone", "")))
        found = {**found, "blackouts": [*found.get("blackouts", []), *black]}
    return found
