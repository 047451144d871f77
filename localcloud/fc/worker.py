"""One instance of a function: a process that imports the handler once and answers one request at a time.

The file is run by its path with two descriptors (requests in, answers out), and never imported. A frame is a length (4 bytes,
big-endian) and JSON. The first frame says what to load; each later frame is a request. Standard output and error belong to the
function.
"""

from __future__ import annotations

import base64
import errno
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, BinaryIO

Frame = dict[str, Any]


def read(stream: BinaryIO) -> Frame | None:
    """The next frame; None at the end of the input."""
    head = stream.read(4)
    return json.loads(stream.read(int.from_bytes(head, "big"))) if len(head) == 4 else None


def write(stream: BinaryIO, frame: Frame) -> None:
    body = json.dumps(frame).encode()
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


def load(dotted: str) -> Callable[..., Any]:
    """The handler that ``index.handler`` names."""
    module, _, name = dotted.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def context_of(fields: Frame) -> SimpleNamespace:
    """The handler's context argument: the fields as attributes, nested fields included."""
    made = {name: SimpleNamespace(**value) if isinstance(value, dict) else value for name, value in fields.items()}
    return SimpleNamespace(**made, logger=logging.getLogger())


def body_of(result: object) -> bytes:
    """A handler's result as the bytes of the answer."""
    if isinstance(result, bytes):
        return result
    return (result if isinstance(result, str) else json.dumps(result)).encode()


def error_of(error: BaseException) -> bytes:
    """An exception as Function Compute reports it to the caller."""
    trace = traceback.format_tb(error.__traceback__)
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}).encode()


def begin(frame: Frame) -> tuple[Callable[..., Any] | None, Frame]:
    """Import the handler and run the initializer. Returns the handler and the answer to send."""
    sys.path[:0] = frame["code"]
    _limit(frame["memory_mb"])
    _set_now(frame["now"])
    try:
        handler = load(frame["handler"])
        if frame["initializer"]:
            load(frame["initializer"])(context_of(frame["context"]))
    except BaseException as error:
        traceback.print_exc()
        return None, {"error": True, "body": base64.b64encode(error_of(error)).decode()}
    return handler, {"error": False, "body": ""}


def answer(handler: Callable[..., Any], frame: Frame) -> Frame:
    """Run one request."""
    _set_now(frame["now"])
    try:
        body, failed = body_of(handler(base64.b64decode(frame["payload"]), context_of(frame["context"]))), False
    except BaseException as error:
        traceback.print_exc()
        if frame["memory_mb"] and _is_out_of_memory(error):
            os._exit(137)  # the platform kills a function that exceeds its memory; this machine only refuses the allocation
        body, failed = error_of(error), True
        if isinstance(error, SystemExit):
            raise
    return {"error": failed, "body": base64.b64encode(body).decode()}


def _set_now(now: str) -> None:
    if now:
        os.environ["LOCALCLOUD_NOW"] = now
    else:
        os.environ.pop("LOCALCLOUD_NOW", None)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _limit(memory_mb: int) -> None:
    if memory_mb:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))


def main() -> None:
    """Handle requests from the descriptors on the command line until there are no more."""
    requests, answers = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    first = read(requests)
    if first is None:
        return
    handler, reply = begin(first)
    write(answers, reply)
    while handler is not None and (frame := read(requests)) is not None:
        reply = answer(handler, frame)
        sys.stdout.flush()
        sys.stderr.flush()
        write(answers, reply)


if __name__ == "__main__":
    main()
