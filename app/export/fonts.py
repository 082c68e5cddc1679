"""Fonts for PDF: those that ship in assets/fonts, and for what they lack the ones installed on this machine."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.export.graphemes import graphemes, is_emoji, visible, with_plain_blanks
from app.export.system_fonts import Face, faces_for, repertoire
from app.say.wording import Message
from app.settings import ASSETS

FOLDER = ASSETS / "fonts"
BODY = {
    "": FOLDER / "DejaVuSans.ttf",
    "B": FOLDER / "DejaVuSans-Bold.ttf",
    "I": FOLDER / "DejaVuSans-Oblique.ttf",
    "BI": FOLDER / "DejaVuSans-BoldOblique.ttf",
}
FIXED = FOLDER / "DejaVuSansMono.ttf"
JAPANESE = Face(FOLDER / "MTLc3m.ttf")
EMOJI = Face(FOLDER / "NotoEmoji-Regular.ttf")

REPLACEMENT = "\ufffd"
"""Stands for a character that no font has. BODY has it."""

_NAMED = 12
"""Missing characters that a note names; it counts the others."""


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """The fonts that together with BODY show a text, in the order in which they are to be asked for a character that
    is no emoji, and the characters that none of them has, sorted."""

    faces: tuple[Face, ...]
    missing: tuple[str, ...]

    @property
    def notes(self) -> tuple[Message, ...]:
        """What a person should know."""
        if not self.missing:
            return ()
        named: object = ", ".join(map(_named, self.missing[:_NAMED]))
        if len(self.missing) > _NAMED:
            named = Message("{} and {:,} more", named, len(self.missing) - _NAMED)
        note = Message(
            "No font here has these characters, so the PDF shows {} in their place: {}. Install a font that has them, "
            "or export the draft as a Word document or as text.",
            REPLACEMENT,
            named,
        )
        return (note,)


def fallbacks(text: str, folders: Sequence[Path] | None = None) -> Fallbacks:
    """The fonts for `text`: JAPANESE and EMOJI where it needs them, then fonts in `folders` (default: the system's)."""
    missing = set(visible(with_plain_blanks(text))) - {"\n"} - repertoire(Face(BODY[""]))
    emoji = {c for grapheme in graphemes(text) if is_emoji(grapheme) for c in visible(grapheme)}
    faces: list[Face] = []
    japanese = missing & repertoire(JAPANESE) if missing else set()
    missing -= japanese
    if missing or emoji:
        drawn = (missing | emoji) & repertoire(EMOJI)
        faces += [EMOJI] if drawn else []
        missing -= drawn
    for face in faces_for(missing, folders) if missing else ():
        found = repertoire(face)
        faces.append(face)
        missing -= found
        japanese = set() if japanese <= found else japanese  # Chinese: one text is to be set in one font
    return Fallbacks((JAPANESE, *faces) if japanese else tuple(faces), tuple(sorted(missing)))


def _named(character: str) -> str:
    code = f"U+{ord(character):04X}"
    # What Unicode does not know no screen can show either.
    return code if unicodedata.category(character) in ("Co", "Cn") else f"{character} ({code})"
