"""A disk's content as one value: paths (relative to the mount point) with mode and bytes, stored under a digest.

A snapshot copies only the digest. Equal disks are stored once. Two digests are equal exactly if all bytes are equal.
"""

from __future__ import annotations

import hashlib
import json
import zlib

Tree = dict[str, tuple[int, bytes]]
PROGRAM, LINK = 0o755, 0o120777
"""The modes of a program and of a symbolic link. The bytes of a link are its target."""


def pack(tree: Tree) -> tuple[str, bytes]:
    """The digest of a tree, and the bytes to store under that digest."""
    listed = [[path, mode, body.decode("latin-1")] for path, (mode, body) in sorted(tree.items())]
    text = json.dumps(listed, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest(), zlib.compress(text, 1)


def unpack(body: bytes) -> Tree:
    """The tree that ``pack`` made these bytes from."""
    return {path: (mode, text.encode("latin-1")) for path, mode, text in json.loads(zlib.decompress(body))}


def files(texts: dict[str, str], mode: int = 0o644) -> Tree:
    """A tree of text files. A text that begins with ``#!`` becomes a program."""
    return {path.lstrip("/"): (PROGRAM if text.startswith("#!") else mode, text.encode()) for path, text in texts.items()}


def links(targets: dict[str, str]) -> Tree:
    """A tree of symbolic links."""
    return {path.lstrip("/"): (LINK, target.encode()) for path, target in targets.items()}
