"""The report of a batch as one self-contained HTML page, for a change board."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.findings import Assessment, Finding, Severity
from shared.domain.report import Report, ReportRow, common_unchecked_findings, verdict_counts, verdict_sort_key
from shared.domain.text import escaped_html as escape
from shared.domain.validation.summary import ComparisonRow

STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8886;overflow-wrap:anywhere}
code{font-size:.9em}
h2{margin-top:2rem}
.tag{font-weight:600;white-space:nowrap}
.bad{color:#c62828}.warn{color:#b26a00}.good{color:#2e7d32}.mute{color:#777}
@media (prefers-color-scheme:dark){.bad{color:#ff8a80}.warn{color:#ffb74d}.good{color:#81c784}.mute{color:#aaa}}
@media print{details{display:block}}
"""
TONE = {Severity.ERROR: "bad", Severity.OVERRIDABLE: "bad", Severity.WARNING: "warn", Severity.INFO: "mute"}
STANDING_TONE = {"failure": "bad", "warning": "warn", "expected": "mute", "same": "good"}
TONES = {
    "failed": "bad",
    "blocked": "bad",
    "not validated": "warn",
    "warnings": "warn",
    "rolled back": "mute",
    "under way": "mute",
    "not assessed": "mute",
    "passed": "good",
}
"""The CSS class of each verdict."""


def report_html(report: Report) -> str:
    """Return the report as one HTML page. The page loads no script, font or picture, and every text from a guest is escaped."""
    shared = common_unchecked_findings(report)
    made = report.made_at.strftime("%Y-%m-%d %H:%M UTC")
    summary = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdict_counts(report).items())) or "no instances"
    worst_first = sorted(report.rows, key=verdict_sort_key)
    return "".join(
        (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>',
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>',
            f"<h1>{escape(report.title)}</h1><p>Batch <code>{escape(report.batch_id)}</code>, as of {made}. {escape(summary)}.</p>",
            _planned_and_actual_times_table(report),
            _overview_table(worst_first),
            _unchecked_findings_section(shared),
            *(_instance_section(row, shared) for row in worst_first),
            "</body></html>\n",
        )
    )


def _planned_and_actual_times_table(report: Report) -> str:
    """Return the table of planned and actual times; empty for a single migration."""
    said = report.course.lines_of_plan_and_outcome if report.course else ()
    rows = [f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in said]
    return _html_table(("Planned and actual", ""), rows) if rows else ""


def _verdict_tag(row: ReportRow) -> str:
    return f'<span class="tag {TONES[row.verdict]}">{row.verdict}</span>'


def _html_table(head: tuple[str, ...], rows: list[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _overview_table(rows: list[ReportRow]) -> str:
    lines = []
    for row in rows:
        last = row.validation or row.precheck
        reasons = ", ".join(f.code for f in last.blocking_findings) if last else ""
        cells = (
            f'<a href="#{escape(row.instance_id)}">{escape(row.instance_id)}</a>',
            escape(row.name),
            escape(" → ".join(row.route)),
        )
        lines.append(
            "<tr>" + "".join(f"<td>{c}</td>" for c in (*cells, escape(row.state), _verdict_tag(row), escape(reasons))) + "</tr>"
        )
    return _html_table(("Instance", "Name", "Route", "State", "Verdict", "Blocked by"), lines)


def _unchecked_findings_section(shared: tuple[Finding, ...]) -> str:
    return "<h2>Not checked on any instance</h2>" + _findings_table(Assessment(shared)) if shared else ""


def _instance_section(row: ReportRow, shared: tuple[Finding, ...] = ()) -> str:
    parts = [f'<h2 id="{escape(row.instance_id)}">{escape(row.instance_id)} {escape(row.name)}: {_verdict_tag(row)}</h2>']
    if row.smc_rollback:
        parts.append(f"<p>Disks after the job that failed: {escape(row.smc_rollback)}.</p>")
    if row.precheck:
        own = replace(row.precheck, findings=tuple(f for f in row.precheck.findings if f not in shared))
        parts += ["<h3>Precheck</h3>", _findings_table(own)]
    if row.validation:
        parts += ["<h3>Validation</h3>", _findings_table(row.validation)]
    if row.aspects:
        parts += ["<h3>Before and after</h3>", _guest_aspects_table(row.aspects)]
    return "".join(parts)


def _findings_table(assessment: Assessment) -> str:
    if not assessment.findings:
        return "<p>Nothing was found.</p>"
    reasons = dict(assessment.overrides)
    return _html_table(
        ("Severity", "Finding", "Seen", "Why", "Remedy"), [_finding_row(f, reasons.get(f.code, "")) for f in assessment.findings]
    )


def _finding_row(finding: Finding, overridden: str) -> str:
    tone = "mute" if finding.label == "not checked" else TONE[finding.severity]
    tag = f'<span class="tag {tone}">{finding.label}</span>'
    if overridden:
        tag += f"<br>overridden: {escape(overridden)}"
    remedy = escape(finding.remedy) + (f"<br><code>{escape(finding.command)}</code>" if finding.command else "")
    if finding.link.startswith("https://"):
        remedy += f'<br><a href="{escape(finding.link)}" rel="noreferrer">document</a>'
    title = f"{escape(finding.title)}<br><code>{escape(finding.code)}</code>"
    return (
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in (tag, title, escape(finding.seen), escape(finding.why), remedy)) + "</tr>"
    )


def _guest_aspects_table(aspects: tuple[ComparisonRow, ...]) -> str:
    rows = []
    for aspect in aspects:
        standing = f'<span class="tag {STANDING_TONE.get(aspect.standing, "mute")}">{escape(aspect.standing)}</span>'
        cells = (escape(aspect.what), escape(aspect.before), escape(aspect.after), standing)
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return _html_table(("What", "Before", "After", "Verdict"), rows)
