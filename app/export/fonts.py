"""Fonts for PDF: those that ship in assets/fonts, and for what they lack the ones installed on this machine."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

from app.say.errors import ExportError
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
JAPANESE = FOLDER / "MTLc3m.ttf"

_NAMED = 12
"""Missing characters that an error names; it counts the others."""

_NO_EMBEDDING = 0x2  # OS/2 fsType: restricted licence


def drawable(text: str) -> str:
    """`text` without what has no shape in any font (joiners, direction marks, variation selectors), and with plain
    blanks for the rarer ones."""
    kept = (" " if unicodedata.category(c)[0] == "Z" and c != "\u3000" else c for c in text if not _is_shapeless(c))
    return "".join(kept)


def fallbacks(characters: Iterable[str], folders: Sequence[Path] | None = None) -> list[Path]:
    """The font files that together with BODY show all `characters`, in the order in which they are to be asked.

    JAPANESE comes first, then fonts in `folders` (default: where this system keeps them). Raises ExportError that names
    the characters for which there is none.
    """
    missing = {c for c in characters if c not in "\t\n"} - _repertoire(BODY[""])
    found: list[Path] = []
    for path in _candidates(system_folders() if folders is None else folders):
        if not missing:
            break
        shown = missing & _repertoire(path)
        if shown:
            found.append(path)
            missing -= shown
    if missing:
        raise _missing(sorted(missing))
    return found


def system_folders() -> list[Path]:
    """Where this system keeps its fonts and the person theirs."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", local / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*shared, home / ".fonts", home / ".local" / "share" / "fonts"]


def _candidates(folders: Sequence[Path]) -> Iterable[Path]:
    """JAPANESE, then the fonts in `folders`: those for CJK first, upright and regular ones before the others."""
    yield JAPANESE
    files = {
        path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf", ".ttc")
    }

    def rank(path: Path) -> tuple[bool, bool, bool, str]:
        name = path.stem.lower()
        return "cjk" not in name, "serif" in name, "regular" not in name, str(path)

    yield from sorted(files, key=rank)


def _repertoire(path: Path) -> frozenset[str]:
    """The characters that a font shows; none if it has no outlines, must not be embedded or cannot be read."""
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            has_outlines = "glyf" in font or "CFF " in font
            if not has_outlines or ("OS/2" in font and font["OS/2"].fsType & _NO_EMBEDDING):
                return frozenset()
            return frozenset(map(chr, font.getBestCmap() or ()))
    except (TTLibError, OSError, ValueError, KeyError, AssertionError):
        return frozenset()  # somebody else's broken font file is no reason to fail


def _is_shapeless(character: str) -> bool:
    selects_variation = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return selects_variation or unicodedata.category(character) == "Cf"


def _missing(characters: Sequence[str]) -> ExportError:
    named: object = ", ".join(f"{character} (U+{ord(character):04X})" for character in characters[:_NAMED])
    if len(characters) > _NAMED:
        named = Message("{} and {:,} more", named, len(characters) - _NAMED)
    return ExportError(
        "No font here shows these characters, so they would be missing from the PDF: {}. Export the draft as a Word "
        "document or as text, or install a font that has them.",
        named,
    )
