"""Another version is deployed in the middle: a migration under way keeps its kept command, and nobody deletes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from localcloud.account import service
from shared.probes import kept as scripts
from shared.probes import tool
from tests.simulation.regressions.test_guest_driver import write
from tests.simulation.regressions.test_kept_missing import KEPT, begin, delete, kept, make_again, reach_exactly
from tests.simulation.regressions.test_rollback import act, migration, reach
from tests.support.world import World


@contextmanager
def another_version() -> Iterator[None]:
    """The functions and ``replank bootstrap`` are those of a version whose script for the guest driver differs."""
    text: Callable[[str], str] = tool._script_text

    def changed(name: str) -> str:
        return text(name).replace("umask 077\n", "umask 077\n: another version\n", 1)

    with mock.patch.object(tool, "_script_text", changed):
        _forget()
        yield
    _forget()


def _forget() -> None:
    scripts._tool.cache_clear()
    scripts._tool_beginning.cache_clear()


def invoked(world: World) -> list[str]:
    """The names of the guest driver's kept commands in the order in which they were invoked, each once."""
    with world.cloud.lock:
        every = service(world.cloud, "ecs").world.store.find("invocation", {})
    names = [each["CommandName"] for each in sorted(every, key=lambda each: each["CreationTime"])]
    return list(dict.fromkeys(name for name in names if "-kept-tool" in name or "-kept-begin" in name))


@pytest.fixture
def world() -> Iterator[World]:
    with World(env=KEPT).connected() as connected:
        yield connected


@pytest.mark.parametrize("state", ["snapshotted", "migrating"])
def test_a_migration_under_way_keeps_its_command_to_the_last_act(world: World, state: str) -> None:
    begin(world)
    reach_exactly(world, state)
    world.run(0.5)
    old = invoked(world)
    assert len(old) == (2 if state == "migrating" else 1)
    before = {each["Name"] for each in kept()}
    with another_version():
        make_again()
        assert {each["Name"] for each in kept()} > before, "bootstrap deletes no command of another version"
        assert reach(world, "migrated", "failed")["state"] == "migrated"
        act(world, "confirmation")
        world.run(60)
        assert {each["Name"] for each in kept()} > before
        names = invoked(world)
        assert [name for name in names if "begin" in name] == old[:1]
        assert len([name for name in names if "tool" in name]) == 1, "every act, and the clean-up, is by the first version"
        assert scripts.tool_command_name("linux") not in names


def test_a_command_that_a_person_deleted_is_replaced_by_that_of_the_new_version(world: World) -> None:
    begin(world)
    reach_exactly(world, "migrating")
    world.run(2)
    old = invoked(world)[-1]
    with another_version():
        make_again()
        delete(old)
        assert reach(world, "migrated", "failed")["state"] == "migrated"
        assert invoked(world)[-1] == scripts.tool_command_name("linux")


def test_a_retry_begins_with_the_new_version(world: World) -> None:
    begin(world)
    reach_exactly(world, "snapshotted")
    world.run(1)
    write(world, 'echo fail=upgrade >"$GUEST_ROOT/.guest/tool"')
    with another_version():
        make_again()
        assert reach(world, "failed", "migrated")["state"] == "failed"
        write(world, 'rm -f "$GUEST_ROOT/.guest/tool"')
        act(world, "retry")
        assert reach(world, "migrated", "failed")["state"] == "migrated"
        assert invoked(world)[-1] == scripts.tool_command_name("linux")
        assert migration(world)["attempt"] == 2


def test_every_version_invokes_the_command_with_the_same_parameters() -> None:
    """An earlier command could not be invoked with other parameters. A new parameter needs a command of another key."""
    assert {scripts._tool(each).parameter_names for each in ("linux", "windows")} == {frozenset({"act", "run"})}
