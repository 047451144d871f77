"""What a page is made with: the request, the person's API, their language, and how an answer comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console import present, web
from console.api import PER_PAGE, PersonApi
from console.problem import Problem
from console.session import Session, form_token
from console.settings import Settings
from console.texts import LANGUAGES, NAMES, texts

Json = dict[str, Any]
Row = Callable[[Json], Json]
MOST_ROWS, MOST_SECONDS = 10_000, 20
"""Rows of a file, and seconds that it may take. The console has 30 seconds for an answer."""
MOST_BYTES = 4_000_000
"""Bytes after which a file is cut. The function answers in Base64, so that its answer stays below 6 MB (docs/assumptions.md)."""


@dataclass
class Desk:
    """One request at work."""

    request: web.Request
    settings: Settings
    key: bytes
    api: PersonApi
    language: str
    session: Session | None = None
    facts: Json = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        return dict(self.request.query)

    def page(self, name: str, status: int = 200, *, live: bool = False, **facts: Any) -> web.Answer:
        """A page of its template and messages; ``live`` pages are asked for again while somebody looks."""
        text = texts(name, self.language)
        body = present.environment().get_template(f"{name}.html")
        shown = body.render(
            t=text,
            language=self.language,
            languages={each: NAMES[each] for each in LANGUAGES},
            person=self.session.name if self.session else "",
            form_token=form_token(self.session, self.key) if self.session else "",
            held=self.api.held,
            here=self.here,
            again=self.again,
            page=name,
            live=live,
            done=self.query.get("done", ""),
            **facts,
        )
        return web.Answer(shown, status)

    def csv(self, name: str, columns: tuple[str, ...], rows: list[Json]) -> web.Answer:
        """A file for a spreadsheet."""
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return web.Answer(present.as_csv(columns, rows), content_type="text/csv; charset=utf-8", headers=headers)

    def csv_of_all(self, name: str, columns: tuple[str, ...], path: str, items: str, query: Json, row: Row = dict) -> web.Answer:
        """A file of all rows of a list, from its first page on. If it is cut, its name and its last line say so."""
        rows, cut = all_rows(self, path, items, query, lambda some: present.as_csv(columns, map(row, some)))
        text = present.as_csv(columns, map(row, rows))
        if cut:
            text += present.as_csv((texts("common", self.language)(cut, number=len(rows)),), ()).lstrip("\ufeff")
        name = f"{name}-first-{len(rows)}" if cut else name
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return web.Answer(text, content_type="text/csv; charset=utf-8", headers=headers)

    @property
    def wants_csv(self) -> bool:
        """Whether the address asks for a file."""
        return self.query.get("format") == "csv"

    @property
    def here(self) -> str:
        """The address of this page, to return to it. What an act has added to the address is left out."""
        return present.link(self.request.path, **{name: value for name, value in self.query.items() if name != "done"})

    def again(self, **changed: object) -> str:
        """This address with other parameters."""
        kept = {name: value for name, value in self.query.items() if name not in ("done", "after", "format")}
        return present.link(self.request.path, **{**kept, **changed})

    def version(self) -> int:
        """The version that the form was made of; raises Problem (Form.Incomplete)."""
        given = self.request.field("version")
        if not given.isdecimal() or len(given) > 9:
            raise Problem("Form.Incomplete", "The form lacks the version that you saw.", "Reload the page, and try again.")
        return int(given)


def all_rows(desk: Desk, path: str, items: str, query: Json, written: Callable[[list[Json]], str]) -> tuple[list[Json], str]:
    """All rows of a list, and why it was cut: ``csv_cut`` at a limit, ``csv_broken`` by an error. ``written`` are rows in the file.

    Raises the Problem of the first page.
    """
    until, size = desk.api.now() + MOST_SECONDS, 0
    rows: list[Json] = []
    try:
        for page in desk.api.pages(path, items, -(-MOST_ROWS // PER_PAGE), **query):
            rows += page["items"]
            size += len(written(page["items"]).encode())
            if page["nextToken"] and (len(rows) >= MOST_ROWS or size > MOST_BYTES or desk.api.now() > until):
                return rows, "csv_cut"
    except Problem:
        if not rows:
            raise
        return rows, "csv_broken"
    return rows, ""
