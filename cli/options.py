"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="Id of a batch, as `replank submit` or `replank status` shows it.")]
MIGRATION_HELP = "Id of a migration, or of an instance with one that can be meant (never a dry run)."
MigrationId = Annotated[str, typer.Argument(metavar="MIGRATION", help=MIGRATION_HELP)]
