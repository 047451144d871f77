"""Translates a text that consists of known sentences with changing parts.

The module has no side effects, and its running time grows linearly with the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from shared.domain.record import dataclass

LONGEST = 1500
"""Maximum characters of a text that is translated. Longer texts do not come from the pipeline."""
_DEEPEST = 4
_WEAK = 8
"""A sentence is weak if its fixed text has fewer letters than this number. A weak sentence, such as ``{} on {}``, might match words
that a person wrote. The parts of a weak sentence must therefore be known sentences or single words.
"""
_MOST_PIECES = 20
_ID_CHARACTER = re.compile(r"[\d\-/._\\:]")
"""Matches a character that occurs in ids, paths, device names and numbers, but not in plain English words."""
_PLACE = re.compile(r"\{([1-9])\}")
_JOINTS = (("; ", "；"), (". ", ""), (", ", "、"), (": ", "："))
"""The separators between sentences, each in English and in Chinese. A person may have written the text after a colon."""
_FIELD = "{}: {}."
"""The form of an error message about a field of a request."""


@dataclass(frozen=True)
class Sentence:
    """A sentence with changing parts. ``pieces`` are the fixed texts around the parts, so there is one more piece than parts."""

    pieces: tuple[str, ...]
    chinese: str
    letters: int
    """The number of letters outside the sentence's changing parts."""

    def changing_parts(self, text: str) -> list[str] | None:
        """The words in ``text`` that fill the sentence's changing parts; None if ``text`` does not match the sentence."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(self.pieces) == 1:
            return [] if text == first else None
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return None
        at, end, found = len(first), len(text) - len(last), list[str]()
        for piece in self.pieces[1:-1]:
            place = text.find(piece, at, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(piece)
        return [*found, text[at:end]]


class RatedTranslation(NamedTuple):
    """A translation of a text, with its cost.

    The cost grows with the amount of text that stays English, so the translation with the lowest cost is the best.
    """

    text: str
    cost: int


class Catalogue:
    """The known sentences in English, each with its Chinese translation."""

    def __init__(self, entries: Mapping[str, str], words: Mapping[str, str]) -> None:
        self._whole = {english: chinese for english, chinese in entries.items() if "{}" not in english}
        self._words = words
        """Words and phrases that are translated only as parts of a sentence."""
        sentences = [_split_into_pieces(*each) for each in entries.items()]
        with_parts = [_split_into_pieces(_FIELD, "{1}：{2}。"), *(each for each in sentences if len(each.pieces) > 1)]
        self._by_start, self._by_end = dict[str, list[Sentence]](), dict[str, list[Sentence]]()
        for each in with_parts:
            where, key = (self._by_start, each.pieces[0][:3]) if each.pieces[0] else (self._by_end, each.pieces[-1][-3:])
            where.setdefault(key, []).append(each)
        self._tails = [each for each in sentences if each.pieces[0][:1] in (" ", ";")]
        self._heads = [each for each in sentences if len(each.pieces) == 1 and each.pieces[0].endswith(" ")]
        self._known = dict[tuple[str, int], RatedTranslation | None]()

    def translate(self, text: str) -> str:
        """The Chinese translation of an English text; the English text if the catalogue has no translation."""
        if len(text) > LONGEST:
            return text
        self._known.clear()
        found = self._best_translation(text, 0)
        return found.text if found else text

    def _best_translation(self, text: str, depth: int) -> RatedTranslation | None:
        """The best translation of a text; None if the text contains no sentence of the catalogue."""
        if text in self._whole:
            return RatedTranslation(self._whole[text], 0)
        if depth >= _DEEPEST or " " not in text:
            return None
        if (text, depth) not in self._known:
            self._known[text, depth] = min(self._translations(text, depth), key=lambda each: each.cost, default=None)
        return self._known[text, depth]

    def _translations(self, text: str, depth: int) -> Iterator[RatedTranslation]:
        candidates = [*self._by_end.get("", ()), *self._by_end.get(text[-3:], ()), *self._by_end.get(text[-2:], ())]
        candidates += [*self._by_end.get(text[-1:], ()), *(each for n in (1, 2, 3) for each in self._by_start.get(text[:n], ()))]
        for sentence in candidates:
            parts = sentence.changing_parts(text)
            found = self._filled_text(sentence, parts, depth) if parts is not None else None
            if found:
                yield found
        for joint, chinese in _JOINTS:
            yield from self._translations_of_joined_pieces(text, joint, chinese, depth)
        if depth:
            yield from self._translations_with_known_ends(text, depth)

    def _filled_text(self, sentence: Sentence, parts: list[str], depth: int) -> RatedTranslation | None:
        """The Chinese sentence with its parts filled in. Returns None if a weak sentence has a part of several words that stays
        English. Returns None, too, if every part of a weak sentence is a plain English word.
        """
        found = [self._translated_part(each, depth) for each in parts]
        if sentence.letters < _WEAK:
            english = [each for each, part in zip(found, parts, strict=True) if each.text == part]
            are_words = len(english) == len(parts) and not any(_ID_CHARACTER.search(part) for part in parts)
            if are_words or any(each.cost for each in english):
                return None
        text = _PLACE.sub(lambda place: found[int(place[1]) - 1].text, sentence.chinese)
        # Of two sentences that leave nothing in English, the one that says more itself is the right one.
        return RatedTranslation(text, sum(each.cost for each in found) * 100 + 100 + len(parts) - min(sentence.letters, 99))

    def _translated_part(self, text: str, depth: int) -> RatedTranslation:
        """The translation of one part of a sentence.

        A single word, an id or a number costs nothing. Any other part that stays English costs its length.
        """
        bare = text.strip()
        if bare in self._words:
            return RatedTranslation(text.replace(bare, self._words[bare]), 0)
        found = self._best_translation(text, depth + 1)
        if found:
            return RatedTranslation(found.text, found.cost // 100 + 1)
        return RatedTranslation(text, 0 if " " not in bare else len(text))

    def _translations_with_known_ends(self, text: str, depth: int) -> Iterator[RatedTranslation]:
        """Translations of a text that ends with a known phrase, such as ``and 3 more``, or begins with a known phrase, such as ``at
        least``.
        """
        for tail in self._tails:
            at = text.rfind(tail.pieces[0])
            parts = tail.changing_parts(text[at:]) if at > 0 else None
            if parts is not None:
                head, end = (
                    self._translated_part(text[:at], depth),
                    self._filled_text(replace(tail, letters=_WEAK), parts, depth),
                )
                if end:
                    yield RatedTranslation(head.text + end.text, head.cost * 100 + end.cost)
        for start in self._heads:
            if text.startswith(start.pieces[0]):
                rest = self._translated_part(text[len(start.pieces[0]) :], depth)
                yield RatedTranslation(start.chinese + rest.text, rest.cost * 100)

    def _translations_of_joined_pieces(self, text: str, joint: str, chinese: str, depth: int) -> Iterator[RatedTranslation]:
        """A translation of a text that consists of several pieces with a separator between them.

        At least one piece must be known. If the separator is a colon, the first piece must be known.
        """
        pieces = text.split(joint, 1) if joint == ": " else text.split(joint)
        if not 1 < len(pieces) <= _MOST_PIECES:
            return
        if joint == ". ":
            pieces = [f"{each}." for each in pieces[:-1]] + pieces[-1:]
        best = [self._best_translation(each, depth + 1) for each in pieces]
        if joint == ": " and pieces[1] not in self._whole:
            best[1] = None  # the words of a person, even if they look like a sentence of ours
        if best[0] is None if joint == ": " else not any(best):
            return
        found = [
            known or RatedTranslation(piece, 100 * len(piece) if " " in piece else 0)
            for known, piece in zip(best, pieces, strict=True)
        ]
        cost = sum(each.cost for each in found)
        written = found[0].text
        for each in found[1:]:
            # A sentence that stays English keeps the space after its full stop.
            written += (" " if joint == ". " and written.endswith(".") else chinese) + each.text
        yield RatedTranslation(written, cost)


def _split_into_pieces(english: str, chinese: str) -> Sentence:
    pieces = tuple(english.split("{}"))
    return Sentence(pieces, chinese, sum(letter.isalpha() for piece in pieces for letter in piece))
