"""Sends the real SDKs' requests to a cloud in the same process: no socket, no thread, no waiting.

Every SDK used here sends through urllib3 (tablestore directly, Tea and fc2 through requests). So one method is replaced:
``HTTPConnectionPool.urlopen``. Retries are urllib3's own, only without their delays. ``PoolManager.urlopen`` is replaced too, for
speed: it then parses a host's address only once.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import RemoteDisconnected, responses
from typing import Any
from unittest import mock

import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ProtocolError
from urllib3.poolmanager import PoolManager
from urllib3.util.retry import Retry

from localcloud.core.errors import Dropped
from localcloud.core.http import Request, Response

Handler = Callable[[Request], Response]
"""``Cloud.handle``, or a wrapper that a simulation puts around it."""


@contextmanager
def in_process(handle: Handler) -> Iterator[None]:
    """Within the block, ``handle`` answers every urllib3 request of this process, to any host."""

    def urlopen(pool: HTTPConnectionPool, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> Any:
        request = Request(method, url, _headers(pool, headers, body), _bytes(body))
        retries = Retry.from_int(options.get("retries"), default=pool.retries, redirect=bool(options.get("redirect", True)))
        while True:
            try:
                return _answer(handle(request), request, preload=bool(options.get("preload_content", True)))
            except Dropped as dropped:
                error = ProtocolError("Connection aborted.", RemoteDisconnected(str(dropped)))
                retries = retries.increment(method, url, error=error, _pool=pool)

    pools: dict[tuple[PoolManager, str], HTTPConnectionPool] = {}

    def managed(manager: PoolManager, method: str, url: str, **options: Any) -> Any:
        host = url[: url.index("/", len("https://"))]
        pool = pools.get((manager, host)) or pools.setdefault((manager, host), manager.connection_from_url(host))
        return urlopen(pool, method, url[len(host) :], **{"headers": manager.headers, **options, "redirect": False})

    with mock.patch.object(HTTPConnectionPool, "urlopen", urlopen), mock.patch.object(PoolManager, "urlopen", managed):
        yield


def _headers(pool: HTTPConnectionPool, headers: Mapping[str, Any] | None, body: Any) -> dict[str, str]:
    sent = {"host": f"{pool.host}:{pool.port}"} if pool.port not in (None, 80, 443) else {"host": pool.host}
    for name, value in (headers if headers is not None else pool.headers).items():
        key = name if type(name) is str else _text(name)
        sent[key.lower()] = value if type(value) is str else _text(value)
    return sent


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    content = body.read() if hasattr(body, "read") else b"".join(_bytes(part) for part in body)
    return _bytes(content)


def _answer(response: Response, request: Request, *, preload: bool) -> urllib3.HTTPResponse:
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    return urllib3.HTTPResponse(
        body=response.body if preload and response.body else io.BytesIO(response.body),
        headers=headers,
        status=response.status,
        reason=responses.get(response.status, ""),
        preload_content=preload,
        request_method=request.method,
        request_url=request.target,
    )
