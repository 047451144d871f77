"""Settings: what the code reads, what s.yaml declares and what the documents explain are the same."""

from __future__ import annotations

import os
from unittest import mock

from shared.runtime.settings import Settings, read_settings
from tools.pages import settings


def test_the_code_reads_what_every_function_declares() -> None:
    wanted = settings.read_by_code()
    assert {name: set(each) for name, each in settings.declared().items()} == dict.fromkeys(settings.declared(), wanted)


def test_every_setting_is_explained() -> None:
    assert set(settings.WORDS) == settings.read_by_code()


def test_the_defaults_of_both_are_the_same() -> None:
    """A function with s.yaml's defaults runs as one that is told nothing but where it is."""
    environment = {**next(iter(settings.declared().values())), "FC_ACCOUNT_ID": "1234567890123456"}
    with mock.patch.dict(os.environ, clear=True):
        assert read_settings(environment) == Settings("cn-hangzhou", "1234567890123456", ("cn-hangzhou",))


def test_the_environment_stays_within_its_limit() -> None:
    """Function Compute allows 4 KB; long SMC values need most of it."""
    size = sum(len(name) + len(value) for name, value in next(iter(settings.declared().values())).items())
    assert size < 2048
