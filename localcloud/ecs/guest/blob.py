"""A disk's content as one value: paths (relative to its mount point) with mode and bytes, packed under a digest.

A snapshot copies a digest and nothing else; equal disks are kept once; two digests are equal exactly where every byte is.
"""

from __future__ import annotations

import hashlib
import json
import zlib

Tree = dict[str, tuple[int, bytes]]


def pack(tree: Tree) -> tuple[str, bytes]:
    """The digest of a tree and the bytes to keep under it."""
    listed = [[path, mode, body.decode("latin-1")] for path, (mode, body) in sorted(tree.items())]
    text = json.dumps(listed, separators=(",", ":")).encode()
    return hashlib.sha256(text).hexdigest(), zlib.compress(text, 1)


def unpack(body: bytes) -> Tree:
    """The tree that was packed."""
    return {path: (mode, text.encode("latin-1")) for path, mode, text in json.loads(zlib.decompress(body))}


def files(texts: dict[str, str], mode: int = 0o644) -> Tree:
    """A tree of text files."""
    return {path.lstrip("/"): (mode, text.encode()) for path, text in texts.items()}
