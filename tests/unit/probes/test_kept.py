"""The scripts that an account keeps: constant, short enough, with parameters that can do no harm."""

from __future__ import annotations

import base64
import gzip
import re
import subprocess
from pathlib import Path

import pytest

from shared.domain.catalog import CATALOG
from shared.domain.events import COMMAND_ENDED, guest_command_name, is_end_of_kept_command
from shared.domain.kept_commands import KeptCall
from shared.domain.policy import MOST_FILES, PROBE_ROOM
from shared.domain.recipes.choose import all_recipes
from shared.probes import kept, probe_script
from shared.probes.kept import KeptScript, kept_marker, kept_probe, kept_scripts, kept_tool
from shared.probes.kept_digest import has_script_of_name

SCRIPTS = kept_scripts(all_recipes(CATALOG))
BY_KEY = {each.key: each for each in SCRIPTS}
HOSTILE = ["a'b", 'a"b', "$(touch /tmp/x)", "`id`", "a\nb", "{{ACS::InstanceId}}", "{{files}}", "a b", "a;b", "a\\b", "é", "a\0b"]


def pasted(script: KeptScript, call: KeptCall) -> str:
    """The script as ECS runs it: each parameter replaces its braces as text."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: call.parameters[found[1]], script.content)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_parameter_is_an_id_a_word_or_base64(value: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        KeptCall("replank-kept-x", {"run": value})
    with pytest.raises(ValueError, match="not an id"):
        kept_tool("look", value)


@pytest.mark.parametrize("script", SCRIPTS, ids=[each.key for each in SCRIPTS])
def test_a_script_has_no_braces_but_its_parameters(script: KeptScript) -> None:
    braces = re.findall(r"\{\{.*?\}\}", script.content, re.DOTALL)
    assert {each.strip("{}") for each in braces} == script.parameter_names
    assert "{{" not in re.sub(r"\{\{\w+\}\}", "", script.content)


@pytest.mark.parametrize("script", SCRIPTS, ids=[each.key for each in SCRIPTS])
def test_a_script_fits_with_the_longest_parameters(script: KeptScript) -> None:
    """The files of a policy together have at most PROBE_ROOM bytes."""
    longest = {"files": PROBE_ROOM * 4 // 3 + 4}
    parameters = sum(longest.get(name, 120) for name in script.parameter_names)
    assert (len(script.content.encode()) + parameters) * 4 / 3 + 4 <= kept.LONGEST_KEPT


def test_names_are_one_for_each_script_and_short_enough() -> None:
    names = {each.name for each in SCRIPTS}
    assert len(names) == len(SCRIPTS)
    assert all(len(name) <= 128 and "-kept-" in name for name in names)


def test_a_name_says_which_stage_the_end_wakes() -> None:
    """The rules of the event bus choose the stage by the beginning of the name (template.yml)."""
    woken = {(each.key, each.name.partition("kept-")[0]) for each in SCRIPTS}
    assert {stage for key, stage in woken if key == "probe-linux"} == {"replank-precheck-", "replank-validate-", "replank-"}
    assert {stage for key, stage in woken if key.startswith("begin-")} == {"replank-migrate-"}
    assert {stage for key, stage in woken if key.startswith(("marker-", "tool-"))} == {"replank-"}
    ends = [each.name for each in SCRIPTS if is_end_of_kept_command(COMMAND_ENDED, each.name)]
    assert ends == [each.name for each in SCRIPTS if each.stage]
    assert not is_end_of_kept_command(COMMAND_ENDED, guest_command_name("precheck", "m0000000000000001"))
    assert kept_probe("linux", "rollback", files=(), updates=False).name.startswith("replank-kept-probe")


def test_a_changed_script_has_another_name_and_other_compression_has_not() -> None:
    script = BY_KEY["probe-linux"]
    assert KeptScript(script.key, "linux", script.content, script.source + "#").name != script.name
    assert KeptScript(script.key, "linux", "compressed otherwise", script.source).name == script.name


def test_the_compressed_probe_is_the_probe() -> None:
    packed = max(re.findall(r"[A-Za-z0-9+/=]{100,}", BY_KEY["probe-linux"].content), key=len)
    assert gzip.decompress(base64.b64decode(packed)).decode() == probe_script("linux")


def test_a_call_has_exactly_the_parameters_of_its_script() -> None:
    with pytest.raises(ValueError, match="takes the parameters"):
        BY_KEY["tool-linux"].call({"run": "rp-m1-0-1"})


def test_file_names_arrive_as_they_are(tmp_path: Path) -> None:
    """The shell decodes the names, so that nothing in them is read as text of the script."""
    names = [f"/etc/it's {n} $(touch {tmp_path}/ran) `id` {{{{x}}}}" for n in range(3)]
    call = kept_probe("linux", "precheck", files=names, updates=True)
    head = pasted(BY_KEY["probe-linux"], call).partition("REPLANK_SCRIPT=")[0]
    shown = subprocess.run(
        ["/bin/sh"], input=head + 'printf "%s|%s" "$REPLANK_FILES" "$REPLANK_UPDATES"', capture_output=True, text=True, check=True
    )
    assert shown.stdout == "\n".join(names) + "|1"
    assert list(tmp_path.iterdir()) == []


def test_without_gzip_the_probe_says_so() -> None:
    script = pasted(BY_KEY["probe-linux"], kept_probe("linux", "precheck", files=(), updates=False))
    ran = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, env={"PATH": "/nowhere"}, check=False)
    assert (ran.returncode, "gzip or base64 is missing" in ran.stderr) == (3, True)


@pytest.mark.parametrize("action", ["write", "look", "remove"])
def test_the_marker_is_written_found_and_removed(action: str, tmp_path: Path) -> None:
    def run(act: str) -> str:
        script = pasted(BY_KEY["marker-linux"], kept_marker("linux", act, marker="replank migration m1 hop 0"))  # type: ignore[arg-type]
        env = {"PATH": "/usr/bin:/bin", "GUEST_ROOT": str(tmp_path)}
        return subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, env=env, check=False).stdout

    run("write")
    said = run(action)
    expected = {"write": "replank-marker written", "look": "marker replank migration m1 hop 0", "remove": "replank-marker removed"}
    assert expected[action] in said.splitlines()


def test_a_beginning_has_its_recipe_in_the_script() -> None:
    for recipe in all_recipes(CATALOG):
        windows = recipe.for_windows
        call = kept_tool("begin", "rp-m1-0-1", recipe, disk="bp1" if windows else "")
        script = BY_KEY[f"begin-{recipe.key}"]
        assert (call.name, dict(call.parameters)) == (script.name, {"run": "rp-m1-0-1", **({"disk": "bp1"} if windows else {})})
        run = "$ReplankToolRun = 'rp-m1-0-1'\n$ReplankDisk = 'bp1'\n" if windows else "REPLANK_RUN='rp-m1-0-1'\n"
        assert run in pasted(script, call)


def test_windows_decodes_its_parameters() -> None:
    assert "{{files}}" in BY_KEY["probe-windows"].content.splitlines()[0]
    assert len(kept_probe("windows", "precheck", files=["C:\\a"] * MOST_FILES, updates=False).parameters["files"]) % 4 == 0
    assert BY_KEY["marker-windows"].content.startswith("$ReplankAct = '{{act}}'\n$ReplankMarker = [Text.Encoding]::ASCII")


def is_as_named(script: KeptScript, content: str, command_type: str = "", launcher: str = "") -> bool:
    packed = base64.b64encode(content.encode()).decode()
    return has_script_of_name(script.name, command_type or script.command_type, packed, launcher)


@pytest.mark.parametrize("script", SCRIPTS, ids=[each.name for each in SCRIPTS])
def test_a_name_tells_whether_a_command_has_its_script(script: KeptScript) -> None:
    assert is_as_named(script, script.content)
    assert not is_as_named(script, f"{script.content}\n")
    assert not is_as_named(script, script.content, launcher="sh -x")
    assert not is_as_named(script, script.content, "RunBatScript")
    other = "RunShellScript" if script.os_type == "windows" else "RunPowerShellScript"
    assert not is_as_named(script, script.content, other)


def test_another_compression_is_the_same_script_and_none_is_not() -> None:
    """The text that is not compressed has the digest of the name, but a guest would run parts of it."""
    script = BY_KEY["probe-linux"]
    packed = max(re.findall(r"[A-Za-z0-9+/=]{100,}", script.content), key=len)
    otherwise = base64.b64encode(gzip.compress(probe_script("linux").encode(), 1, mtime=0)).decode()
    assert otherwise != packed
    assert is_as_named(script, script.content.replace(packed, otherwise))
    assert not is_as_named(script, script.source)
    for broken in ("", "QUJD", packed[:-8], f"{packed}'; id; '", base64.b64encode(gzip.compress(b"id")).decode()):
        assert not is_as_named(script, script.content.replace(packed, broken)), broken[:20]


@pytest.mark.parametrize("content", ["", "%", "QUJ", "/w=="])
def test_a_content_that_is_no_script_in_base64_is_not_the_named_one(content: str) -> None:
    script = BY_KEY["tool-linux"]
    assert not has_script_of_name(script.name, script.command_type, content)
