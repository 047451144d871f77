"""The digest in the name of a kept command, and the check that a command still has the script that its name says.

Whoever may change commands in the account can put another script under a known name or a known id. So neither of them proves
anything. The digest is the first 64 bits of a SHA-256. All versions of Replank make it in the same way, so each version can check
the commands of every other one.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib

COMMAND_TYPES = {"linux": "RunShellScript", "windows": "RunPowerShellScript"}
"""The type of a command as CreateCommand names it, for each operating system."""
PACKED_BEGINS, PACKED_ENDS = "REPLANK_SCRIPT=$(printf %s '", "' | base64 -d | gzip -dc)\n"
"""The texts around a compressed script. The digest is made of the script before the compression, because two machines may compress
the same text differently.
"""
_OS_TYPES = {name: os_type for os_type, name in COMMAND_TYPES.items()}


def script_digest(os_type: str, source: str) -> str:
    """The digest of a script, as 16 hexadecimal digits. ``source`` is the script before any part of it is compressed."""
    return hashlib.sha256(f"{os_type}\n{source}".encode()).hexdigest()[:16]


def has_script_of_name(name: str, command_type: str, content: str, launcher: str = "") -> bool:
    """Whether a command has the script whose digest ends its name.

    ``content`` is the script in base64, as DescribeCommands returns it. A command with a launcher of its own never has, because the
    launcher decides how the script runs.
    """
    os_type = _OS_TYPES.get(command_type)
    if os_type is None or launcher:
        return False
    try:
        source = _source_of_script(base64.b64decode(content, validate=True).decode())
    except (ValueError, OSError, EOFError, zlib.error):  # neither base64 nor gzip
        return False
    return name.endswith(f"-{script_digest(os_type, source)}")


def _source_of_script(script: str) -> str:
    """The script before the compression. Raises ValueError, OSError, EOFError or zlib.error if the part that should be compressed
    is not.
    """
    before, found, rest = script.partition(PACKED_BEGINS)
    if not found:
        return script
    packed, ends, after = rest.partition(PACKED_ENDS)
    # Strict: the same text that is not compressed would have the same digest, but the guest would run something else.
    unpacked = gzip.decompress(base64.b64decode(packed, validate=True)).decode()
    return f"{before}{found}{unpacked}{ends}{after}"
