"""The scripts for an account's kept commands: what makes them impossible is said before anything is created."""

from __future__ import annotations

import pytest

from cli import kept_commands
from cli.problem import Problem
from shared.probes.kept import KeptScript


def test_a_catalog_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLANK_CATALOG", "{broken")
    with pytest.raises(Problem) as caught:
        kept_commands._scripts()
    assert caught.value.code == "File.Unreadable"
    assert "REPLANK_CATALOG" in caught.value.message


@pytest.mark.parametrize(("size", "fits"), [(13_824, True), (13_825, False)])
def test_a_script_that_is_too_long_is_named(monkeypatch: pytest.MonkeyPatch, size: int, fits: bool) -> None:
    """13,824 bytes are 18 KB in base64."""
    script = KeptScript("begin-own", "linux", "x" * size, "x")
    monkeypatch.delenv("REPLANK_CATALOG", raising=False)
    monkeypatch.setattr(kept_commands, "kept_scripts", lambda recipes: (script,))
    if fits:
        assert kept_commands._scripts() == (script,)
        return
    with pytest.raises(Problem) as caught:
        kept_commands._scripts()
    assert caught.value.code == "Command.TooLong"
    assert "begin-own" in caught.value.message
