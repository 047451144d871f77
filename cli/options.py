"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="Id of a batch, as `replank submit` or `replank status` shows it.")]
MIGRATION_HELP = "Id of a migration. Or id of an instance that has only one migration to which the command can apply."
MigrationId = Annotated[str, typer.Argument(metavar="MIGRATION", help=MIGRATION_HELP)]
