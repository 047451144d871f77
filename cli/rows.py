"""Reads an operator's own catalog rows from a file, in the form of REPLANK_CATALOG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.files import read_json
from cli.problem import bad_input
from cli.today import today
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.extend import extend_catalog

CatalogFile = Annotated[
    Path | None, typer.Option("--catalog", help="JSON file with catalog rows of your own, laid over ours (docs/operations.md).")
]


def catalog_from_file(file: Path | None) -> Catalog:
    """Our catalog overlaid with the file's rows; raises Problem (File.Unreadable) or Refused naming the row and field."""
    return CATALOG if file is None else catalog_with_rows(read_rows(file))


def read_rows(file: Path) -> Any:
    """The rows in the file; raises Problem (File.Unreadable)."""
    try:
        return read_json(file)
    except (OSError, ValueError) as error:
        raise bad_input(
            "File.Unreadable", f"{file}: {output.error_in_words(error)}.", "Give a JSON file; docs/operations.md shows one."
        ) from None


def catalog_with_rows(rows: Any) -> Catalog:
    """Our catalog overlaid with these rows; raises Refused naming the row and field."""
    return extend_catalog(rows, CATALOG, on=today())
