"""Deferred modules: not loaded at start, loaded completely on first use, untouched when the switch is off.

Each case runs in its own interpreter, because deferring changes the whole process's modules.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.repository import ROOT

MODULES_AT_MOST = {"api": 317, "intake": 397, "watch": 416, "validate": 455}
"""The maximum number of modules after import and initializer. The interpreter's own modules count; numpy's do not, if it is
installed.
"""
ENVIRONMENT = {
    "REPLANK_REGION": "cn-hangzhou",
    "FC_ACCOUNT_ID": "1",
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
}


def run(code: str, **environment: str) -> str:
    """The output of a new interpreter."""
    found = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env=found, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def start(function: str, then: str, **environment: str) -> str:
    code = f"import sys\nfrom functions.{function} import index\nindex.initialize(None)\n{then}"
    return run(code, **environment)


LOADED = "print(*(name for name in ('aiohttp.client', 'asyncio.events', 'cryptography.hazmat.bindings') if name in sys.modules))"


def test_a_start_loads_none_of_them() -> None:
    assert start("watch", LOADED) == ""


def test_a_start_without_the_initializer_loads_none_of_them_either() -> None:
    first = "try:\n    index.handler(b'{}', None)\nexcept Exception as error:\n    print(type(error).__name__, end=' ')"
    assert run(f"import sys\nfrom functions.watch import index\n{first}\n{LOADED}").splitlines()[-1].strip() == "Refused"


def test_the_switch_leaves_them_alone() -> None:
    assert start("watch", LOADED, REPLANK_LAZY_AIOHTTP="0") == "aiohttp.client asyncio.events"


def test_the_real_module_answers_when_it_is_used() -> None:
    shown = "aiohttp.ClientSession.__module__, type(c.ClientTimeout(sock_read=3)).__module__"
    code = f"import aiohttp, tablestore.connection as c\nprint({shown})"
    assert start("api", code) == "aiohttp.client aiohttp.client"


def test_asynchronous_calls_still_work() -> None:
    code = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 'ran'\nprint(asyncio.run(f()))"
    assert start("api", code) == "ran"


def test_an_rsa_key_still_signs_where_cryptography_is_installed() -> None:
    pytest.importorskip("cryptography")
    code = (
        "from cryptography.hazmat.primitives.asymmetric import rsa\n"
        "from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat\n"
        "key = rsa.generate_private_key(65537, 2048)\n"
        "pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())\n"
        "from alibabacloud_openapi_util.client import rsa_sign\n"
        "print(len(rsa_sign(b'text', pem.strip())))"
    )
    assert start("watch", code) == "256"


@pytest.mark.parametrize("function", sorted(MODULES_AT_MOST))
def test_a_start_imports_no_more_than_it_did(function: str) -> None:
    count = "print(sum(not name.startswith(('numpy', '_')) for name in sys.modules))"
    assert int(start(function, count)) <= MODULES_AT_MOST[function]


RARE = {
    "api": (
        "domain.guest",
        "domain.catalog.extend",
        "ports.compute",
        "stages.adopt",
        "stages.api.plan_views",
        "stages.api.snapshots",
    ),
    "intake": ("domain.guest", "domain.catalog.extend"),
    "sweep": ("domain.guest", "ports.driver", "stages.live_jobs"),
    "watch": ("domain.guest", "stages.adopt"),
}
"""Modules of ours that few messages need."""


@pytest.mark.parametrize("function", sorted(RARE))
def test_a_start_imports_nothing_that_few_messages_need(function: str) -> None:
    rare = [f"shared.{name}" for name in RARE[function]]
    assert start(function, f"print(*(name for name in {rare} if name in sys.modules))") == ""


@pytest.mark.parametrize("beside", ["as installed", "nowhere on the path"])
def test_the_certificates_are_those_of_certifi(beside: str) -> None:
    hide = "import os\nos.path.exists = lambda path, real=os.path.exists: 'cacert' not in path and real(path)"
    code = (
        f"{hide if beside != 'as installed' else ''}\nimport certifi, requests.certs\n"
        "from shared.runtime import lazy\nfound = certifi.where(), requests.certs.where()\n"
        "print(len({*found, lazy.load_real_module('certifi').where()}), found[0].endswith('certifi/cacert.pem'))"
    )
    assert start("api", code) == "1 True"


def test_a_start_starts_no_process() -> None:
    code = "import subprocess\ndef refuse(*a, **k):\n    raise AssertionError(a)\nsubprocess.Popen.__init__ = refuse\n"
    assert run(f"{code}from functions.api import index\nindex.initialize(None)\nprint('none')") == "none"
