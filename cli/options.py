"""Options that many commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="Id of a batch, as `replank submit` or `replank status` shows it.")]
MigrationId = Annotated[
    str,
    typer.Argument(metavar="MIGRATION", help="Id of a migration, or of an instance (its newest migration is meant)."),
]
