"""One-time links, for a cloud on this machine: whoever may read the folder may sign in, and each ticket is good once.

The command line writes a ticket as a file; its name is the digest of the secret in the link, its content the person's name. Reading
a ticket removes it, and only one process can remove a file.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

KEY = "key"
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,100}")


def key_of(folder: Path) -> bytes:
    """The key of the cookies: made once for the folder. Raises OSError."""
    try:
        made = os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return (folder / KEY).read_bytes()
    with os.fdopen(made, "wb") as file:
        file.write(secrets.token_hex(32).encode())
    return (folder / KEY).read_bytes()


def redeem(folder: Path, secret: str) -> str:
    """The name of the person whose ticket this is; empty if there is no such ticket, or if it was used before."""
    if not _SECRET.fullmatch(secret):
        return ""
    ticket = folder / hashlib.sha256(secret.encode()).hexdigest()
    try:
        name = ticket.read_text(encoding="utf-8").strip()
        ticket.unlink()
    except OSError:
        return ""
    return name
