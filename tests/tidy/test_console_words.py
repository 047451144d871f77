"""Words of the API that are one word, so that the API leaves them in English, have their words on the operations page."""

from __future__ import annotations

import pytest

from console.texts import LANGUAGES, messages
from shared.domain import approvals, policy_change
from shared.domain.batch import BatchState
from shared.domain.ledger import SnapshotState
from shared.domain.migration import State
from shared.domain.roles import MAY
from shared.domain.validation.summary import ASPECTS
from shared.runtime.translation import catalogue_entries

IN_CHINESE = {text for part in catalogue_entries().values() for text in part}
"""What the API itself says in Chinese."""


@pytest.mark.parametrize(
    ("page", "kind", "words"),
    [
        ("common", "does", set(MAY)),
        ("common", "did", {"pause", "resume", "stop", "next wave", approvals.ACT, policy_change.ACT}),
        ("common", "state", {each.value for each in State}),
        ("common", "batch", {each.value for each in BatchState}),
        ("migration", "snapshot", {each.value for each in SnapshotState} | {"kept"}),
        ("migration", "aspect", {what for what, _, _ in ASPECTS} - IN_CHINESE),
    ],
)
def test_every_word_of_the_api_is_known_in_every_language(page: str, kind: str, words: set[str]) -> None:
    found = messages(page)
    assert sorted(word for word in words if set(found.get(f"{kind}.{word}", ())) != set(LANGUAGES)) == []
