"""The languages on offer, each a folder here with a gettext catalogue, and which of them a browser wants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import negotiate_locale
from babel.messages.pofile import read_po

SOURCE_LANGUAGE = "en"
"""That of the code: what it says needs no catalogue."""


@dataclass(frozen=True)
class Catalogue:
    """What one language says, by context and English. A context tells labels of the same English apart."""

    entries: Mapping[tuple[str, str], str]

    def pattern(self, english: str, context: str = "") -> str:
        """What stands for `english`: in that context, or else in any, or else itself."""
        return self.entries.get((context, english)) or self.entries.get(("", english), english)


class Catalogues:
    """The languages on offer, and the catalogue of each, which is read when it is first asked for (about 35 ms)."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds a <language>/messages.po for each language but English, named by its BCP 47 tag."""
        self._folder = folder
        self.languages = (SOURCE_LANGUAGE, *sorted(file.parent.name for file in folder.glob("*/messages.po")))
        self._read = {SOURCE_LANGUAGE: Catalogue({})}

    def __getitem__(self, language: str) -> Catalogue:
        """That of a language on offer."""
        if language not in self._read:
            with (self._folder / language / "messages.po").open("rb") as file:
                entries = [entry for entry in read_po(file) if entry.id and entry.string]  # the header's id is empty
            found = {(entry.context or "", str(entry.id)): str(entry.string) for entry in entries}
            self._read[language] = Catalogue(found)
        return self._read[language]

    def best(self, accept_language: str) -> str:
        """The language on offer that comes first among those which the header of that name wants, else English."""
        offered = {language.lower(): language for language in self.languages}
        found = negotiate_locale(_wanted(accept_language), list(offered), sep="-")
        return offered[found.lower()] if found else SOURCE_LANGUAGE


@cache
def catalogues() -> Catalogues:
    """Those of the app."""
    return Catalogues(Path(__file__).parent)


def _wanted(accept_language: str) -> list[str]:
    """The header's languages by their q-values, those of the same value as they come; where any will do, English."""
    qualities: dict[str, float] = {}
    for part in accept_language.split(","):
        language, _, parameter = part.partition(";")
        quality = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d*)?)\s*", parameter)
        wanted = language.strip() if language.strip() != "*" else SOURCE_LANGUAGE
        qualities.setdefault(wanted, float(quality[1]) if quality else 1.0)
    return sorted(filter(qualities.get, qualities), key=qualities.__getitem__, reverse=True)
