"""docs/rules.md: every precheck rule, from the registry."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from shared.domain.catalog import CATALOG, PATHS
from shared.domain.catalog.model import MigrationPath
from shared.domain.catalog.software import MYSQL, OTHERS
from shared.domain.facts import Facts, InstanceFacts
from shared.domain.findings import Severity
from shared.domain.hop import Hop
from shared.domain.prechecks import RULES
from shared.domain.prechecks.hops import is_hop_to_red_hat, is_upgrade
from shared.domain.prechecks.rule import PRACTICE, Rule
from tools.pages.common import NOTICE, ROOT, table

_SEVERITY = {
    "error": "blocks",
    "overridable": "blocks unless overridden by its code with a reason",
    "warning": "warns",
    "info": "informs",
}

KINDS = ("within a release", "CentOS to Red Hat", "7 to 8", "Red Hat to Red Hat", "Windows")
_SHORT = {Severity.ERROR: "blocks", Severity.OVERRIDABLE: "overridable", Severity.WARNING: "warns", Severity.INFO: "informs"}
FIRED = ROOT / "tests/field/fired.json"
"""The rules that fired in a run of the whole pipeline, each with the path on which it did (tests/e2e/test_rules_fire.py)."""
_NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def _kind(path: MigrationPath) -> str:
    """The column of a path. The tool for the path decides what is refused."""
    hop = Hop(path.source, path.destination)
    if path.source.startswith("windows"):
        return KINDS[4]
    if is_hop_to_red_hat(hop):
        return KINDS[3] if is_upgrade(hop) else KINDS[1]
    return KINDS[2] if is_upgrade(hop) else KINDS[0]


def _on_paths(rule: Rule) -> tuple[str, ...]:
    """The rule's effect on each kind of path; empty if it does not apply there."""
    cells = []
    for kind in KINDS:
        hops = [Hop(path.source, path.destination) for path in PATHS if _kind(path) == kind]
        words = {_SHORT[rule.severity_on_hop(hop)] for hop in hops if rule.applies(_facts(hop))}
        cells.append(" or ".join(sorted(words)))
    return tuple(cells)


def _facts(hop: Hop) -> Facts:
    """An instance on that hop, without further facts."""
    system = CATALOG.releases[hop.source].os_type
    nothing = ("", "", "", "", "")
    instance = InstanceFacts(*nothing, system, "x86_64", "", 0, 0, "", "", (), (), "", "", ())
    return Facts(instance, None, hop, _NOW)


def _sure(rule: Rule) -> str:
    """How certain it is that SMC refuses the same."""
    if rule.source == PRACTICE:
        return "our own judgement"
    if rule.source.startswith("SMC support"):
        return "SMC's own page says so"
    if rule.source.startswith("convert2rhel"):
        return "the migration document refers to this tool from CentOS to Red Hat; elsewhere by analogy"
    if rule.source.startswith("leapp"):
        return "by analogy: whether SMC runs this check is not published"
    return "the migration documents say so"


def render() -> str:
    """The page."""
    fired: dict[str, str] = json.loads(FIRED.read_text(encoding="utf-8"))
    head = (
        "# Prechecks\n",
        NOTICE,
        "What is asked about an instance before anything is touched. A finding has a code, what was seen, why it matters and what",
        "to do. `policy.overrides` of a batch (code -> reason) sets overridable ones aside. How to add one: adding-a-rule.md.\n",
        "Sources are sections of the two documents on operating system migration (ECS and SMC), error codes or operations of their",
        "APIs; `practice` is common sense that no document states, and can always be overridden. A rule that could not look says",
        '"Could not check whether ..." and what to look at; only the limits of the documents block then.\n',
        table(("code", "if it is so", "if it could not be checked", "source", "remedy"), map(_row, RULES)),
        "\n## Which tool or document refuses what, on which path\n",
        "Between major versions SMC's pages use the words of leapp, so SMC probably runs it there; from CentOS to Red Hat Alibaba",
        "Cloud refers to convert2rhel. A rule blocks if a document or SMC's own page says so, or if the destination surely cannot",
        "work. What only a tool refuses is a warning. leapp's and convert2rhel's checks were read in their public sources",
        "(oamg/leapp-repository before b6e84f79, which removed 7 to 8; oamg/convert2rhel).\n",
        _count(fired),
        table(("code", "tool or document", *KINDS, "how sure", "fired in a run"), (_path_row(rule, fired) for rule in RULES))
        + "\n",
    )
    return "\n".join((*head, *_servers(), *(_section(rule) for rule in RULES)))


def _servers() -> tuple[str, ...]:
    """What Guest.MySqlDowngrade and Guest.DataNotReadable compare with."""
    rows = [
        (
            server.name,
            CATALOG.release_name(key),
            ", ".join(".".join(map(str, each)) for each in series) or "none",
            server.sources[key].document,
        )
        for server in (MYSQL, *OTHERS)
        for key, series in server.ships.items()
    ]
    return (
        "\n## Database servers by destination\n",
        "The first series is the default one; the others are module streams. A destination that is missing has no such server, or",
        "nobody has looked: the finding is then a warning.\n",
        table(("server", "destination", "series", "how sure"), rows) + "\n",
    )


def _row(rule: Rule) -> tuple[str, ...]:
    unknown = rule.unknown.value if rule.unknown else "always known"
    return f"[{rule.code}](#{rule.code.lower().replace('.', '')})", rule.severity.value, unknown, rule.source, rule.remedy


def _path_row(rule: Rule, fired: dict[str, str]) -> tuple[str, ...]:
    return rule.code, rule.source, *_on_paths(rule), _sure(rule), fired.get(rule.code, "-")


def _count(fired: dict[str, str]) -> str:
    """The number of rules, and how many of them fired in a run of the pipeline."""
    silent = [rule.code for rule in RULES if rule.code not in fired]
    lines = (
        f"{len(RULES)} rules. A run of the whole pipeline fires {len(RULES) - len(silent)} of them; the last column names the path",
        "(tests/e2e/test_rules_fire.py: the API, the functions, the local cloud, and the real probe in its Linux guests).",
        "Windows guests of the local cloud answer in place of their probe. The two rules about the Snapshot service and the",
        f"account see an answer that was injected. {' and '.join(silent)} fire in `replank assess` only: the planner",
        "refuses such a route first.\n",
    )
    return "\n".join(lines)


def _section(rule: Rule) -> str:
    lines = [
        f"## {rule.code}\n",
        f"{rule.title}. {rule.why}\n",
        f"- If it is so: {_SEVERITY[rule.severity.value]}." + _unknown(rule),
        f"- Looks at: the {rule.needs.value}.",
        f"- Remedy: {rule.remedy}",
    ]
    if rule.command:
        lines.append(f"- Command: `{rule.command}`")
    lines.append(f"- Source: {rule.source}" + (f" ({rule.link})" if rule.link else ""))
    return "\n".join(lines) + "\n"


def _unknown(rule: Rule) -> str:
    return f" If it could not be checked: {_SEVERITY[rule.unknown.value]}." if rule.unknown else ""
