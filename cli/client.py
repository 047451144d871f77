"""The HTTP clients of the command line: signed requests to the API, and plain JSON requests to the local cloud."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from cli import output
from cli.problem import BAD_INPUT, NEGATIVE, Problem, bad_input_problem
from shared.domain.retry import API_BUSY, RetryHint, repeat_call

Json = dict[str, Any]
TIMEOUT_S = 60
_SIGN_TYPE = "ACS3-HMAC-SHA256"
_VERSION = "/v1"
"""Path prefix of the API version that the command line uses."""


class HttpClient:
    """Sends JSON requests over one reused HTTP session. If the server is this machine, no proxy is used."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self.held = ""
        """The reason for the account-wide hold, from the last answer; empty if there is no hold."""
        self.pause: Callable[[float], None] = time.sleep

    def send_json(self, method: str, url: str, *, headers: Json | None = None, body: bytes = b"", query: Json | None = None) -> Any:
        """Send a request. Returns the HTTP status and the parsed body of the answer. Raises Problem (Api.Unreachable,
        Api.NotJson).
        """
        self._session.trust_env = urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")
        try:
            answer = self._send_with_retries(method, url, headers=headers, data=body, params=query, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise Problem(
                "Api.Unreachable",
                f"{url} does not answer: {_root_cause_in_words(error)}.",
                "Check REPLANK_API_URL and the network.",
            ) from error
        self.held = answer.headers.get("x-replank-hold", "")
        try:
            return answer.status_code, answer.json()
        except ValueError:
            raise Problem(
                "Api.NotJson",
                f"{url} answered {answer.status_code} with something other than JSON: {answer.text[:200]!r}.",
                "Check that REPLANK_API_URL is the URL of the api function's HTTP trigger.",
            ) from None

    def _send_with_retries(self, method: str, url: str, **more: Any) -> requests.Response:
        """Send a request. After each response 429, wait as long as its Retry-After header says, then repeat the request."""

        def send_once(_number: int) -> requests.Response:
            answer = self._session.request(method, url, **more)
            if answer.status_code == 429:
                raise _TooManyRequests(answer)
            return answer

        try:
            return repeat_call(API_BUSY, send_once, _retry_hint_in_answer, self.pause)
        except _TooManyRequests as refused:
            return refused.answer


class _TooManyRequests(Exception):
    """Raised if the API answers with status 429 (too many requests)."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def _retry_hint_in_answer(error: Exception) -> RetryHint | None:
    """The time to wait before the request is repeated, from the answer's Retry-After header.

    The result is None if the request must not be repeated.
    """
    if not isinstance(error, _TooManyRequests):
        return None
    wait = error.answer.headers.get("retry-after", "")
    return RetryHint(float(wait)) if wait.isdigit() else None


def _root_cause_in_words(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error)[:300]


@dataclass
class ApiClient:
    """A client of the pipeline's HTTP API. Requests are signed (ACS3), because the HTTP trigger has ``authType: function``."""

    url: str
    access_key_id: str
    access_key_secret: str
    security_token: str = ""
    operator: str = ""
    """The operator's unverified name. The unverified name is sent only if there is no token."""
    token: str = field(default="", repr=False)
    """The sign-in provider's token, from which the API reads a verified name."""
    http: HttpClient | None = None

    @classmethod
    def from_environment(cls, *, signed_in: bool = True) -> ApiClient:
        """The client that REPLANK_API_URL, REPLANK_OPERATOR and the ALIBABA_CLOUD_ variables describe.

        If ``signed_in`` is true, the client uses the token of the last `replank login` for this API, if a token is stored.

        Raises Problem (Setting.Missing) if REPLANK_API_URL is not set.
        """
        from cli.signin import kept

        url = os.environ.get("REPLANK_API_URL", "").rstrip("/")
        if not url:
            raise bad_input_problem(
                "Setting.Missing",
                "REPLANK_API_URL is not set.",
                "Set it to the URL of the HTTP trigger of replank-api (FC console).",
            )
        key_id, secret, token = credentials_from_environment()
        mine = kept.get_or_renew_api_token(url) if signed_in else ""
        return cls(url, key_id, secret, token, operator_name(), mine)

    def get(self, path: str, **query: Any) -> Any:
        """Send a GET request to the API. Returns the parsed body of the answer. Query parameters that are empty or None are left
        out.
        """
        return self.send_request("GET", path, query={name: value for name, value in query.items() if value not in ("", None)})

    def post(self, path: str, body: Json | None = None, *, seen: int = 0) -> Any:
        """Send a POST request to the API. Returns the parsed body of the answer. ``seen`` is the version of the batch or migration
        that the person saw.
        """
        return self.send_request("POST", path, body=body, seen=seen)

    def all_items(self, path: str, items: str, **query: Any) -> Iterator[Json]:
        """All items of a list that the API returns page by page. ``items`` is the name of the field that holds the items of a
        page.
        """
        token = ""
        while True:
            page = self.get(path, **query, limit=100, nextToken=token)
            yield from page[items]
            token = page["nextToken"]
            if not token:
                return

    def send_request(self, method: str, path: str, *, query: Json | None = None, body: Json | None = None, seen: int = 0) -> Any:
        """Send a request to the API. Returns the parsed body of the answer. Raises Problem with the API's code, message and
        remedy.
        """
        try:
            return self._send_signed_request(method, _VERSION + path, query=query, body=body, seen=seen)
        except Problem as problem:
            if problem.code != "Route.NotFound":
                raise
        # Before and during a deployment, a function may be too old for the path's version. Such a function refuses the path and
        # does nothing, so the older path can be tried.
        return self._send_signed_request(method, path, query=query, body=body, seen=seen)

    def _send_signed_request(self, method: str, path: str, *, query: Json | None, body: Json | None, seen: int) -> Any:
        self.http = self.http or HttpClient()
        content = b"" if body is None else json.dumps(body).encode()
        given = {name: str(value) for name, value in (query or {}).items()}
        headers = self._signed_headers(method, self.url + path, given)
        headers |= {"if-match": f'"{seen}"'} if seen else {}
        status, answer = self.http.send_json(method, self.url + path, headers=headers, body=content, query=given)
        output.print_hold_notice(self.http.held)
        if status >= 400:
            raise problem_from_answer(status, answer)
        return answer

    def _signed_headers(self, method: str, url: str, query: dict[str, str]) -> dict[str, str]:
        signed = {"x-acs-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if self.security_token:
            signed["x-acs-security-token"] = self.security_token
        authorization = authorization_header(
            method, urlsplit(url).path, query, signed, (self.access_key_id, self.access_key_secret)
        )
        more = {"content-type": "application/json", "accept": "application/json", "authorization": authorization}
        return {**signed, **more, **self._caller_headers()}

    def _caller_headers(self) -> dict[str, str]:
        """The header that names the caller. Its value is the sign-in token, or else the operator's name, percent-encoded to
        ASCII.
        """
        if self.token:
            return {"x-replank-token": self.token}
        return {"x-replank-operator": quote(self.operator, safe=" @")} if self.operator else {}


def authorization_header(method: str, path: str, query: dict[str, str], headers: dict[str, str], key: tuple[str, str]) -> str:
    """The Authorization header for a request. A helper of the SDK computes the signature. The signature does not cover the request
    body.

    Source: alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/configure-signature-authentication-for-http-triggers
    """
    from alibabacloud_openapi_util.client import Client as OpenApiUtil
    from Tea.request import TeaRequest

    request = TeaRequest()
    request.method, request.pathname, request.query, request.headers = method, path, query, headers
    return str(OpenApiUtil.get_authorization(request, _SIGN_TYPE, "", *key))


def problem_from_answer(status: int, answer: Any) -> Problem:
    """The Problem for an error answer from the API or from Function Compute. Function Compute calls the code ``ErrorCode`` or
    ``errorCode``.
    """
    fields = answer if isinstance(answer, dict) else {}
    codes = (fields.get(name) for name in ("Code", "ErrorCode", "errorCode", "errorType"))
    code = str(next(filter(None, codes), f"Http.{status}"))
    messages = (fields.get(name) for name in ("Message", "ErrorMessage", "errorMessage"))
    message = str(next(filter(None, messages), f"The API answered {status}."))
    remedy = str(fields.get("Recommend") or "Search the log of replank-api for the request id.")
    exit_status = BAD_INPUT if status in (400, 401, 403) else NEGATIVE
    return Problem(code, message, remedy, exit_status=exit_status, request_id=str(fields.get("RequestId", "")))


def credentials_from_environment() -> tuple[str, str, str]:
    """Access key id, access key secret and security token from the environment. Raises Problem (Credentials.Missing)."""
    key_id, secret = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""), os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    if not key_id or not secret:
        raise bad_input_problem(
            "Credentials.Missing",
            "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET are not both set.",
            "Set both (for temporary keys also ALIBABA_CLOUD_SECURITY_TOKEN). `replank doctor` checks their permissions.",
        )
    return key_id, secret, os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")


def operator_name() -> str:
    """The operator's name: the variable REPLANK_OPERATOR, or else the name of the user who runs the command."""
    return os.environ.get("REPLANK_OPERATOR", "").strip() or _login_name()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
