"""A local cloud in a separate process, and the ports of a function that talk to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from cli.bootstrap import create_bus_if_missing
from cli.sdk_account import OperatorAccount
from shared.ports.ports import Ports
from shared.runtime.composition import function_credentials, make_ports
from shared.runtime.settings import read_settings
from tools.package.trial import local_cloud


@contextmanager
def served(state: Path | None = None, *options: str) -> Iterator[Ports]:
    """The ports of replank-validate over a socket, with the bus created. The cloud's state is in memory or in a folder. The options
    are added to the local cloud's command line.
    """
    with (
        local_cloud(*(["--state", str(state)] if state else []), *options) as environment,
        mock.patch.dict(os.environ, environment),
    ):
        create_bus_if_missing(OperatorAccount.from_environment())
        yield make_ports("validate", read_settings(os.environ), function_credentials(os.environ, None))
