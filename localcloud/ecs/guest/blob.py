"""A disk's content as one value: paths (relative to its mount point) with mode and bytes, packed under a digest.

A snapshot copies a digest and nothing else; equal disks are kept once; two digests are equal exactly where every byte is.
"""

from __future__ import annotations

import hashlib
import json
import zlib

Tree = dict[str, tuple[int, bytes]]
PROGRAM, LINK = 0o755, 0o120777
"""Modes of a program, and of a symbolic link, whose bytes are its target."""


def pack(tree: Tree) -> tuple[str, bytes]:
    """The digest of a tree and the bytes to keep under it."""
    listed = [[path, mode, body.decode("latin-1")] for path, (mode, body) in sorted(tree.items())]
    text = json.dumps(listed, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest(), zlib.compress(text, 1)


def unpack(body: bytes) -> Tree:
    """The tree that was packed."""
    return {path: (mode, text.encode("latin-1")) for path, mode, text in json.loads(zlib.decompress(body))}


def files(texts: dict[str, str], mode: int = 0o644) -> Tree:
    """A tree of text files; one that begins with ``#!`` is a program."""
    return {path.lstrip("/"): (PROGRAM if text.startswith("#!") else mode, text.encode()) for path, text in texts.items()}


def links(targets: dict[str, str]) -> Tree:
    """A tree of symbolic links."""
    return {path.lstrip("/"): (LINK, target.encode()) for path, target in targets.items()}
