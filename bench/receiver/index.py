"""The handlers of the receiver. The entrypoint, the event's reading and the step are Replank's own; the stage does nothing else."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the local cloud puts only this folder on the path

from shared.domain.message import Message, Outcome
from shared.domain.migration import State, step_to_state
from shared.domain.timing import LOST
from shared.ports.ports import Ports
from shared.runtime import entrypoint
from shared.stages import validate
from shared.stages.advance import advance_migration, load_current_migration


def initialize(context: object) -> None:
    """Read the settings and create the SDK clients before the first invocation of a function instance."""
    validate.handle_message = receive
    entrypoint.initialize("validate", context)


def handler(event: bytes, context: object) -> Any:
    """Process one delivery."""
    return entrypoint.handle_event("validate", event, context)


def receive(message: Message, ports: Ports) -> Outcome:
    """Commit one step of the migration that the message names. Its write removes the sender's outbox.

    If the message names a socket, send the time at which the step was committed to it, in seconds of ``time.perf_counter``. On
    Linux and macOS all processes share this clock.
    """
    found = load_current_migration(message, ports, frozenset({State.VALIDATING}))
    now = ports.clock.now()
    advance_migration(ports, step_to_state(found, found.state, now=now, by="bench", reason="received", due_at=now + LOST))
    committed = time.perf_counter()
    if told := str(message.data.get("socket", "")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as tell:
            tell.sendto(repr(committed).encode(), told)
    return Outcome("received")
