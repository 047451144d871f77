"""A person at a browser: by mouse, or by keyboard alone. They see what the page shows, and touch nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_TABS = 400
SIGN_IN = "main a[href*='/sign-in/start']"
Locator = Any  # playwright's; the package is not there on every machine


@dataclass
class Person:
    """One signed-in person with a browser context of their own; ``strange`` are requests to other places than the console's."""

    page: Any
    url: str
    name: str
    keys: bool = False
    strange: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """What the browser itself refused: content security policy, failed scripts."""

    def __post_init__(self) -> None:
        self.page.on("request", self._note)
        self.page.on("console", lambda said: self.violations.append(said.text) if "Content Security" in said.text else None)
        self.page.on("pageerror", lambda error: self.violations.append(str(error)))

    def _note(self, request: Any) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "about:")):
            self.strange.append(request.url)

    # Going -----------------------------------------------------------------------------------------------------------

    def visit(self, path: str = "/") -> Person:
        """Open a page by its address; sign in if the console asks for it."""
        self.page.goto(f"{self.url}/console{path}")
        if self.page.locator(SIGN_IN).count():
            self.sign_in()
        return self

    def sign_in(self) -> None:
        """From the page that asks for it, through the provider, back to the page that was wanted."""
        self.activate(self.page.locator(SIGN_IN))
        self.page.wait_for_url("**/oidc/authorize**")
        self.activate(self.page.get_by_role("link", name=self.name, exact=True))
        self.page.locator("form[action='/console/sign-out']").wait_for()
        self.page.wait_for_load_state("networkidle")  # a visit while the page still loads may be aborted

    # Touching --------------------------------------------------------------------------------------------------------

    def activate(self, what: Locator) -> None:
        """Click it, or reach it by Tab and press Enter."""
        if not self.keys:
            what.click()
            return
        self.reach(what)
        self.page.keyboard.press("Enter")

    def tick(self, what: Locator) -> None:
        """Tick a box."""
        if not self.keys:
            what.check()
            return
        self.reach(what)
        self.page.keyboard.press("Space")
        assert what.is_checked()

    def write(self, what: Locator, text: str) -> None:
        """Write into a field."""
        if not self.keys:
            what.fill(text)
            return
        self.reach(what)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def choose(self, what: Locator, value: str) -> None:
        """Choose from a list."""
        if not self.keys:
            what.select_option(value)
            return
        self.reach(what)
        self.page.keyboard.type(value)
        assert what.input_value() == value

    def reach(self, what: Locator) -> None:
        """Press Tab until it has the focus; it must show that it has."""
        what.wait_for()
        for _ in range(MOST_TABS):
            if what.evaluate("element => element === document.activeElement"):
                shown = what.evaluate("element => getComputedStyle(element).outlineStyle !== 'none'")
                assert shown or "/oidc/" in self.page.url, f"no focus is shown on {what}"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{what} cannot be reached by Tab")

    # Acting ----------------------------------------------------------------------------------------------------------

    def act(self, name: str, **fields: str) -> None:
        """Carry out an act; the page must say that it was done. Whose sign-in has ended signs in, and does it again."""
        self._try(name, fields)
        if self.page.locator(SIGN_IN).count():
            assert "Nothing was done" in self.text
            self.sign_in()
            self._try(name, fields)
        assert self.page.locator("#main > .banner.good").count(), self.text

    def _try(self, name: str, fields: dict[str, str]) -> None:
        """Open the panel of an act, fill in what it asks for, and press its button."""
        panel = self.page.locator("details.act", has=self.page.locator("summary", has_text=name)).first
        self.activate(panel.locator("summary"))
        for field_name, text in fields.items():
            self.write(panel.locator(f"input[name={field_name}]"), text)
        for box in panel.locator("input[type=checkbox]").all():
            self.tick(box)
        self.activate(panel.locator("button"))
        self.page.locator("#main > .banner.good, #main .narrow [role=alert]").first.wait_for()

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.page.locator("main").inner_text())
