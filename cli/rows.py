"""Reads the catalog rows that a user adds. The JSON file has the format of the setting REPLANK_CATALOG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.files import read_json_file
from cli.problem import bad_input_problem
from cli.today import today_in_utc
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.extend import extended_catalog

CatalogFile = Annotated[
    Path | None,
    typer.Option("--catalog", help="JSON file with your own catalog rows, which extend or replace Replank's (docs/operations.md)."),
]


def catalog_from_file(file: Path | None) -> Catalog:
    """The built-in catalog, extended by the rows in the file, if a file is given. A row with the key of a built-in row replaces the
    built-in row.

    Raises Problem (File.Unreadable), or Refused, which names the wrong row and field.
    """
    return CATALOG if file is None else catalog_with_rows(read_catalog_rows(file))


def read_catalog_rows(file: Path) -> Any:
    """The catalog rows in a JSON file. The rows themselves are not checked. Raises Problem (File.Unreadable)."""
    try:
        return read_json_file(file)
    except (OSError, ValueError) as error:
        raise bad_input_problem(
            "File.Unreadable", f"{file}: {output.error_in_words(error)}.", "Name a JSON file. docs/operations.md shows an example."
        ) from None


def catalog_with_rows(rows: Any) -> Catalog:
    """The built-in catalog, extended by the given rows. A row with the key of a built-in row replaces the built-in row.

    Raises Refused, which names the wrong row and field.
    """
    return extended_catalog(rows, CATALOG, on=today_in_utc())
