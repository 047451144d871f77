"""The audit: a line before each act, what came of it after, and the lines of some days."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, timedelta

from shared.domain.audit import Answered, Asked, AuditLine, is_wanted
from shared.domain.errors import Refused, ReplankError
from shared.domain.text import spreadsheet_cell
from shared.ports.ports import Ports
from shared.stages.api import people_views, views

log = logging.getLogger("replank.audit")
SHOWN_DAYS = 7
"""Days that are shown if none are named."""
PAGES = 20
"""Pages that one request looks through for lines that meet a filter: what it does not reach comes with the next token."""


def ask(ports: Ports, asked: Asked) -> str:
    """Write that somebody asks; the line's entry. Raises Transient if it cannot be written: then the act is not done either."""
    return ports.audit.ask(asked)


def answer(ports: Ports, entry: str, answered: Answered) -> None:
    """Write what came of it. The act is done by now: a line that cannot be completed is told to the log, and stays open."""
    try:
        ports.audit.answer(entry, answered)
    except ReplankError as error:
        log.error("an act could not be completed in the audit", extra={"facts": {"entry": entry, "code": error.code}})


def listed(ports: Ports, wanted: Mapping[str, str], *, limit: int, token: str) -> people_views.AuditList:
    """Lines of some days, newest first: ``from`` and ``to`` (both in; today and the six days before), who, act, target, refused.

    A page may hold fewer lines than asked for, or none, and still have a next one.
    """
    last = _day(wanted.get("to", ""), ports.clock.now().date())
    first = _day(wanted.get("from", ""), last - timedelta(days=SHOWN_DAYS - 1))
    if first > last:
        raise Refused("Audit.DayInvalid", f"from ({first}) is after to ({last}).", "Name the earlier day in from.")
    filters = {name: wanted.get(name, "") for name in ("who", "act", "target")}
    found: list[AuditLine] = []
    for _ in range(PAGES):
        page = ports.audit.listed(first, last, limit=limit - len(found), token=token)
        found += [line for line in page.lines if is_wanted(line, **filters, refused=wanted.get("refused") == "true")]
        token = page.next_token
        if not token or len(found) >= limit:
            break
    return people_views.AuditList(tuple(map(shown, found)), token)


def shown(line: AuditLine) -> people_views.AuditLineView:
    """A line as the API shows it."""
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
        target=asked.target,
        request=asked.request,
        before=asked.before,
        after=answered.after if answered else "",
        status=answered.status if answered else 0,
        code=answered.code if answered else "",
        message=answered.message if answered else "What came of it was not recorded: look at the journal of the target.",
        request_id=asked.request_id,
        accounts=asked.accounts,
    )


def as_csv(found: people_views.AuditList) -> str:
    """The lines as CSV with a header. What a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [each.name for each in fields(people_views.AuditLineView)]
    writer.writerow([views.camel(name) for name in names])
    for line in found.lines:
        writer.writerow([spreadsheet_cell(views.as_json(getattr(line, name))) for name in names])
    return text.getvalue()


def _day(given: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(given) if given else otherwise
    except ValueError:
        raise Refused("Audit.DayInvalid", f"{given[:20]} is no day.", "Write it as 2026-11-28 (UTC).") from None
