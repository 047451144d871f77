"""Catalog rows of the operator's own, from a file: the same that the functions read from REPLANK_CATALOG."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cli.files import read_json
from cli.problem import bad_input
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.extend import extend_catalog

CatalogFile = Annotated[
    Path | None, typer.Option("--catalog", help="JSON file with catalog rows of your own, laid over ours (docs/operations.md).")
]


def catalog_of(file: Path | None) -> Catalog:
    """Our catalog with the file's rows over it; raises Problem (File.Unreadable) or Refused naming the row and field."""
    if file is None:
        return CATALOG
    try:
        rows = read_json(file)
    except (OSError, ValueError) as error:
        raise bad_input("File.Unreadable", f"{file}: {error}.", "Give a JSON file; docs/operations.md shows one.") from None
    return extend_catalog(rows, CATALOG, on=date.today())
