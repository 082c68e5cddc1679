"""What a guard allows, in plain strings: a text may be written if some end makes all its guarded words allowed."""

from collections.abc import Sequence

from core.processors.vocabulary import Vocabulary, decoded
from core.processors.words import (
    JOINERS,
    Place,
    allowed_words,
    first_part,
    guarded_words,
    is_guarded,
    words_of,
)


class Reference:
    """The rules of `SourceGuard` as questions about whole texts."""

    def __init__(self, vocabulary: Vocabulary, sources: Sequence[str]) -> None:
        self.vocabulary = vocabulary
        allowed, lower = allowed_words(sources)
        self.allowed = {word for word in allowed if vocabulary.can_spell(word)}
        self.ordinary = vocabulary.ordinary | {w for w in lower if len(w) > 1 and vocabulary.can_spell(w.capitalize())}
        self.capitals = {word[0].upper() + word[1:] for word in self.ordinary}
        self.characters = set("".join(self.allowed | self.capitals))

    def invented(self, text: str) -> list[str]:
        """The guarded words of a text, which begins a line, that are neither allowed nor ordinary ones at a begin."""
        return [
            w.text for w in guarded_words(text) if w.text not in self.allowed and not self._ordinary(w.text, w.place)
        ]

    def _ordinary(self, word: str, place: Place) -> bool:
        small = word[0].lower() + word[1:]
        return place in (Place.LINE, Place.START) and not is_guarded(small) and first_part(small) in self.ordinary

    def may_write(self, text: str) -> bool:
        """Whether some end of the last word leaves nothing invented."""
        last = max(words_of(text), key=lambda word: word.end, default=None)
        ends = ["", "."]
        if last is not None and len(text) - last.end <= 1 and not set(text[last.end :]) - JOINERS:
            run = text[last.start :]
            ends += [word[len(run) :] for word in self.allowed | self.capitals if word.startswith(run)]
        return any(not self.invented(text + end) for end in ends)

    def may_write_bytes(self, text: bytes) -> bool:
        """The same of a text whose last character may be incomplete; False if it is no UTF-8."""
        for size in range(4):
            try:
                whole = text[: len(text) - size].decode()
            except UnicodeDecodeError:
                continue
            begun = text[len(text) - size :]
            if not begun:
                return self.may_write(whole)
            if decoded(begun) != ("", begun):
                return False
            others = self.vocabulary.completions(begun)
            same = {one for one in self.characters if one.encode().startswith(begun)}
            return any(self.may_write(whole + one) for one in {*others, *same})
        return False
