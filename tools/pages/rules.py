"""docs/rules.md: every precheck, from the registry."""

from __future__ import annotations

from shared.domain.prechecks import RULES
from shared.domain.prechecks.rule import Rule
from tools.pages.common import NOTICE, table

_SEVERITY = {
    "error": "blocks",
    "overridable": "blocks unless overridden by its code with a reason",
    "warning": "warns",
    "info": "informs",
}


def render() -> str:
    """The page."""
    head = (
        "# Prechecks\n",
        NOTICE,
        "What is asked about an instance before anything is touched. A finding has a code, what was seen, why it matters and what",
        "to do. `policy.overrides` of a batch (code -> reason) sets overridable ones aside. How to add one: adding-a-rule.md.\n",
        "Sources are sections of the two documents on operating system migration (ECS and SMC), error codes or operations of their",
        "APIs; `practice` is common sense that no document states, and can always be overridden.\n",
        table(("code", "when it is so", "when it cannot be told", "source", "remedy"), map(_row, RULES)),
    )
    return "\n".join((*head, *(_section(rule) for rule in RULES)))


def _row(rule: Rule) -> tuple[str, ...]:
    unknown = rule.unknown.value if rule.unknown else "always known"
    return f"[{rule.code}](#{rule.code.lower().replace('.', '')})", rule.severity.value, unknown, rule.source, rule.remedy


def _section(rule: Rule) -> str:
    lines = [
        f"## {rule.code}\n",
        f"{rule.title}. {rule.why}\n",
        f"- When it is so: {_SEVERITY[rule.severity.value]}." + _unknown(rule),
        f"- Looks at: the {rule.needs.value}.",
        f"- Remedy: {rule.remedy}",
    ]
    if rule.command:
        lines.append(f"- Command: `{rule.command}`")
    lines.append(f"- Source: {rule.source}" + (f" ({rule.link})" if rule.link else ""))
    return "\n".join(lines) + "\n"


def _unknown(rule: Rule) -> str:
    return f" When it cannot be told: {_SEVERITY[rule.unknown.value]}." if rule.unknown else ""
