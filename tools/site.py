"""A hook of MkDocs for `make site`: adds the catalogue of events, which is stored beside the schemas and not in docs/."""

from __future__ import annotations

import re
from typing import Any

from mkdocs.structure.files import File, Files

EVENTS = "events/README.md"


def on_files(files: Files, config: Any) -> Files:
    """Add the page of the events. Its links to schemas become plain text, because those files are not part of the site."""
    with open(EVENTS, encoding="utf-8") as page:
        text = re.sub(r"\[([^\]]*)\]\((?!http)[^)]*\)", r"\1", page.read())
    files.append(File.generated(config, "events.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Change links that lead out of docs/, so that they lead to the same page in the site."""
    return markdown.replace(f"](../{EVENTS})", "](events.md)")
