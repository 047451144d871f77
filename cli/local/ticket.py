"""Makes one-time links to the operations page of a local cloud.

Everyone who may write into the cloud's state folder can make a link.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from cli.client import operator_name
from cli.run.launch import console_ticket_folder


def create_console_link(state: Path, url: str) -> str:
    """Create a link that signs in one browser, once, under the operator's name. Returns the link."""
    folder = console_ticket_folder(state)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(32)
    ticket = folder / hashlib.sha256(secret.encode()).hexdigest()
    with os.fdopen(os.open(ticket, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(operator_name() or "operator")
    return f"{url}/console/enter?ticket={secret}"
