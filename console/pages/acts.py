"""Acts of a person on one thing: each carries the version that they saw, and leads back to its page, which says what was done."""

from __future__ import annotations

from typing import Any

from console import web
from console.desk import Desk
from console.problem import Problem

Json = dict[str, Any]
ON_MIGRATION = ("confirmation", "retry", "cancellation", "rollback")
ON_BATCH = {"pause": "pause", "resume": "resume", "stop": "stop", "acknowledgement": "acknowledgement", "next": "waves/next"}


def on_migration(desk: Desk, migration_id: str, name: str) -> web.Answer:
    """Confirm, retry, cancel, roll back or approve a rollback; a rollback asks for the instance's id first."""
    if name not in (*ON_MIGRATION, "approval"):
        raise _unknown()
    if name == "approval":
        desk.api.post(f"/migrations/{migration_id}/approvals", _approval(desk), seen=desk.version())
        return desk.after(name, f"/migrations/{migration_id}")
    if name == "rollback":
        instance_id = str(desk.api.get(f"/migrations/{migration_id}")["instanceId"])
        check_typed(desk, instance_id)
    desk.api.post(f"/migrations/{migration_id}/{name}", seen=desk.version())
    return desk.after(name, f"/migrations/{migration_id}")


def on_batch(desk: Desk, batch_id: str, name: str) -> web.Answer:
    """Pause, resume, stop, acknowledge, approve, or let the next wave begin; a stop asks for the batch's id first."""
    if name == "approval":
        # It names the digest of what was seen; another person's approval in between is no obstacle.
        desk.api.post(f"/batches/{batch_id}/approvals", _approval(desk))
        return desk.after(name, f"/batches/{batch_id}")
    if name not in ON_BATCH:
        raise _unknown()
    if name == "stop":
        check_typed(desk, batch_id)
    desk.api.post(f"/batches/{batch_id}/{ON_BATCH[name]}", _body(desk, name), seen=desk.version())
    return desk.after(name, f"/batches/{batch_id}")


def on_everything(desk: Desk, name: str) -> web.Answer:
    """Hold everything, or release the hold."""
    why = desk.request.field("why")
    if name == "hold":
        desk.api.post("/hold", {"why": why} if why else {})
    elif name == "release":
        given = desk.request.field("version")
        desk.api.post("/hold/release", {"why": why, "version": int(given) if given.lstrip("-").isdecimal() else 0})
    else:
        raise _unknown()
    return desk.after(name, "/system")


def check_typed(desk: Desk, wanted: str) -> None:
    """Raise Problem (Form.NotTyped) unless the person has typed what the act is on."""
    if desk.request.field("typed") != wanted:
        what = f"To do this, type {wanted}. Something else was typed, and nothing was done."
        raise Problem("Form.NotTyped", what, "Go back, look once more at what the act is on, and type its id.")


def _body(desk: Desk, name: str) -> Json | None:
    why = desk.request.field("why")
    if name == "acknowledgement":
        if desk.request.field("accept") != "yes":
            raise Problem("Form.Incomplete", "The risks were not accepted. Nothing was done.", "Read them, and tick the box.")
        return {"risksVersion": desk.request.field("risks")}
    if name == "resume":
        failed = desk.request.field("failed")
        return {"why": why, "failed": int(failed) if failed.isdecimal() else 0}
    if name == "next":
        return None
    return {"why": why} if why else {}


def _approval(desk: Desk) -> Json:
    """What an approval says: the digest that the person saw, the wave if it is about one, and why."""
    if desk.request.field("accept") != "yes":
        raise Problem("Form.Incomplete", "The box was not ticked. Nothing was done.", "Read the risks, and tick the box.")
    wave, why = desk.request.field("wave"), desk.request.field("why")
    said: Json = {"seen": desk.request.field("seen"), **({"why": why} if why else {})}
    return {**said, "wave": int(wave)} if wave.isdecimal() and len(wave) < 10 else said


def _unknown() -> Problem:
    return Problem("Page.NotFound", "There is no such act.", "Go back to the page.", status=404)
