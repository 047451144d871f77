"""Lists the lines of the audit log."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta

from shared.domain.audit import AuditEntry, matches_filters, target_id_of_entry
from shared.domain.choice import camel_case
from shared.domain.errors import Refused
from shared.domain.text import spreadsheet_cell
from shared.ports.ports import Ports
from shared.stages.api import people_views, views

SHOWN_DAYS = 7
"""Number of days that are listed if the request names no day."""
PAGES = 20
"""Maximum pages that one request searches for lines that match the filters. A client continues the search with the token in the
answer.
"""


def audit_line_page(ports: Ports, wanted: Mapping[str, str], *, limit: int, token: str) -> people_views.AuditLineList:
    """Return the lines of the audit log for the requested days, newest first.

    If the request names no days, the lines of the last seven days are listed. A page may have fewer lines than ``limit``, or no
    line, although more pages follow.
    """
    last = _requested_day(wanted.get("to", ""), ports.clock.now().date())
    first = _requested_day(wanted.get("from", ""), last - timedelta(days=SHOWN_DAYS - 1))
    if first > last:
        raise Refused("Audit.DayInvalid", f"from ({first}) is after to ({last}).", "Name the earlier day in from.")
    filters = {name: wanted.get(name, "") for name in ("who", "act", "target")}
    found: list[AuditEntry] = []
    for _ in range(PAGES):
        page = ports.audit.audit_line_page(first, last, limit=limit - len(found), token=token)
        found += [line for line in page.lines if matches_filters(line, **filters, refused=wanted.get("refused") == "true")]
        token = page.next_token
        if not token or len(found) >= limit:
            break
    return people_views.AuditLineList(tuple(map(audit_line_view, found)), token)


def audit_line_view(line: AuditEntry) -> people_views.AuditLineView:
    """Return the API's view of one line of the audit log."""
    asked, answered = line.asked, line.answered
    return people_views.AuditLineView(
        entry=line.entry,
        at=asked.at,
        who=asked.who,
        trust=asked.trust,
        issuer=asked.issuer,
        subject=asked.subject,
        door=asked.door,
        act=asked.act,
        target=target_id_of_entry(line),
        request=asked.request,
        before=asked.before,
        after=answered.after if answered else "",
        status=answered.status if answered else 0,
        code=answered.code if answered else "",
        message=answered.message if answered else "The outcome was not recorded. Look at the journal of the target.",
        request_id=asked.request_id,
        accounts=asked.accounts,
    )


def audit_csv_text(found: people_views.AuditLineList) -> str:
    """Return lines of the audit log as CSV with a header. A cell that a spreadsheet would run as a formula begins with an
    apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    names = [each.name for each in fields(people_views.AuditLineView)]
    writer.writerow([camel_case(name) for name in names])
    for line in found.lines:
        writer.writerow([spreadsheet_cell(views.as_json(getattr(line, name))) for name in names])
    return text.getvalue()


def _requested_day(given: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(given) if given else otherwise
    except ValueError:
        raise Refused("Audit.DayInvalid", f"{given[:20]} is not a day.", "Write it as 2026-11-28 (UTC).") from None
