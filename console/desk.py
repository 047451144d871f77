"""What a page is made with: the request, the person's API, their language, and how an answer comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console import present, said, web
from console.api import PER_PAGE, PersonApi
from console.problem import Problem
from console.session import DONE, DONE_S, Session, done_mark, form_token, is_marked
from console.settings import Settings
from console.texts import LANGUAGES, NAMES, known, messages, texts

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
        done = self._done()
        body = present.environment().get_template(f"{name}.html")
        shown = body.render(
            t=text,
            told=lambda kind, word: known(text, f"{kind}.{word}", str(word)),
            language=self.language,
            languages={each: NAMES[each] for each in LANGUAGES},
            person=self.session.name if self.session else "",
            until=self.session.until if self.session and self.session.token else 0,
            form_token=form_token(self.session, self.key) if self.session else "",
            held=self.api.held,
            here=self.here,
            again=self.again,
            start=self.start,
            page=name,
            live=live,
            done=done,
            **{each: self._said(fact) for each, fact in facts.items()},
        )
        gone = web.cookie(DONE, "", request=self.request, seconds=0) if done else ""
        return web.Answer(shown, status, headers={"Cache-Control": "no-store"} if done else {}, cookie=gone)

    def _said(self, fact: Any) -> Any:
        """A fact of a page; a problem, or each of several by name, is told in the reader's language."""
        if isinstance(fact, Problem):
            return said.in_language(fact, self.language)
        if isinstance(fact, dict) and any(isinstance(each, Problem) for each in fact.values()):
            return {name: self._said(each) for name, each in fact.items()}
        return fact

    def after(self, act: str, path: str) -> web.Answer:
        """Send the browser to the page that follows an act. A cookie, which that page removes, lets it say once what was done."""
        mark = done_mark(self.session, path, act, self.key, self.api.now()) if self.session else ""
        return web.redirect(
            present.link(path, done=act), cookie=web.cookie(DONE, mark, request=self.request, seconds=DONE_S) if mark else ""
        )

    def _done(self) -> str:
        """The act that this page follows; empty if the address alone says so."""
        act, mark = self.query.get("done", ""), self.request.cookies.get(DONE, "")
        if not act or self.session is None or f"done.{act}" not in messages("common"):
            return ""
        return act if is_marked(mark, self.session, self.request.path, act, self.key, self.api.now()) else ""

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
    def start(self) -> int | None:
        """How many rows of a list come before this page, as the page before has counted; None if the address does not say."""
        given = self.query.get("row", "")
        if "after" not in self.query:
            return 0
        return int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else None

    @property
    def here(self) -> str:
        """The address of this page, to return to it. What an act has added to the address is left out."""
        return present.link(self.request.path, **{name: value for name, value in self.query.items() if name != "done"})

    def again(self, **changed: object) -> str:
        """This address with other parameters."""
        kept = {name: value for name, value in self.query.items() if name not in ("done", "after", "row", "format")}
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
