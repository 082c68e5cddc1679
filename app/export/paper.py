"""The paper that a PDF is written on: its fonts, and which of them draws which sign of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from fontTools.unicodedata import script
from fpdf import FPDF
from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection
from fpdf.fonts import TTFFont
from fpdf.line_break import Fragment, TextLine

from app.export.fonts import BODY, EMOJI, FIXED, REPLACEMENT
from app.export.graphemes import graphemes, is_emoji, right_to_left, visible, with_plain_blanks
from app.export.system_fonts import Face

SMALL = 9.0
"""Points: the number of a page, and what is set as small."""
MARGIN = 24.0
"""Millimetres."""
QUIET = (95, 95, 105)

_COMMON = ("Zyyy", "Zinh")
_SIMPLE = frozenset((*_COMMON, "Latn", "Grek", "Cyrl", "Armn", "Geor", "Hani", "Hira", "Kana", "Hang", "Bopo", "Zzzz"))
"""Scripts whose letters do not change beside others."""


class _Sign(NamedTuple):
    """What a reader takes for one sign, the font that draws it, and its script by the four letters of ISO 15924."""

    text: str
    font: str
    script: str

    @property
    def plain(self) -> bool:
        """Whether its font draws it right character by character. Shaping takes twice the time."""
        return self.script in _SIMPLE and len(self.text if self.font == "emoji" else visible(self.text)) < 2


class Paper(FPDF):
    """An A4 document with its fonts and a page number at the foot.

    fpdf2 chooses a font for each character, takes signs of several characters apart, and knows nothing of direction in
    paragraphs. So what it makes of a text, pieces of one font each, is made here, for all that is written.
    """

    def __init__(self, faces: Sequence[Face]) -> None:
        """With `faces` for what BODY and FIXED lack, in the order in which they are asked."""
        super().__init__(format="A4")
        self.direction: TextDirection | None = None
        """Of the paragraph that what is written next is a part of; None: it is one of its own."""
        self._others = ["emoji" if face == EMOJI else f"other{number}" for number, face in enumerate(faces)]
        self._signs: dict[tuple[str, str], list[_Sign]] = {}
        for style, path in BODY.items():
            self.add_font("body", style, path)
        self.add_font("fixed", "", FIXED)
        for name, face in zip(self._others, faces, strict=True):
            self.add_font(name, "", face.path, collection_font_number=face.number)
        self._codes = {key: font.cmap.keys() for key, font in self.fonts.items() if isinstance(font, TTFFont)}
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=MARGIN)
        self.add_page()

    def footer(self) -> None:
        """The page's number."""
        self.set_y(-MARGIN / 2)
        self.set_font("body", size=SMALL)
        self.set_text_color(*QUIET)
        self.cell(0, 0, str(self.page_no()), align="C")

    def _preload_bidirectional_text(self, text: str, markdown: bool) -> Sequence[Fragment]:
        return self._preload_font_styles(text, markdown)

    def _preload_font_styles(
        self,
        text: str | None,
        markdown: bool,
        _initial_emphasis: tuple[bool, bool, bool, bool] | None = None,
    ) -> Sequence[Fragment]:
        """`text` in pieces, in the order of its characters."""
        pieces: list[Fragment] = []
        for number, line in enumerate(with_plain_blanks(text or "").split("\n")):
            if number:
                pieces.append(Fragment("\n", self._get_current_graphics_state(), self.k))
            for part, level in _levels(line, self.direction or auto_detect_base_direction(line)):
                pieces += (self._piece(run, level) for run in _runs(self._all_signs(part)))
        return pieces

    def _render_styled_text_line(self, text_line: TextLine, *options: Any, **more: Any) -> bool:
        return super()._render_styled_text_line(_Line(*text_line), *options, **more)

    def _piece(self, run: Sequence[_Sign], level: int) -> Fragment:
        state, key = self._get_current_graphics_state(), run[0].font
        state.current_font = self.fonts[key]
        state.font_family, state.font_style = (family := key.rstrip("BI")), key.removeprefix(family)
        if level == 0 and all(sign.plain for sign in run):
            return Fragment([visible(sign.text) for sign in run], state, self.k)
        state.text_shaping = {
            "use_shaping_engine": True,
            "features": {},
            "direction": None,
            "script": None if run[-1].script in _COMMON else run[-1].script,
            "language": None,
            "fragment_direction": TextDirection.RTL if level % 2 else TextDirection.LTR,
            "level": level,
        }
        return Fragment([sign.text for sign in run], state, self.k)

    def _all_signs(self, text: str) -> Iterator[_Sign]:
        """The signs of `text` that can be seen."""
        for grapheme in graphemes(text):
            here = self._set_now, grapheme
            if here not in self._signs:
                self._signs[here] = list(self._signs_of(grapheme))
            yield from self._signs[here]

    def _signs_of(self, grapheme: str) -> Iterator[_Sign]:
        """One, or where no font has all of it its characters, REPLACEMENT for those that none has."""
        shape = visible(grapheme)
        if not shape:
            return
        if font := self._font(grapheme):
            yield _Sign(grapheme, font, script(shape[0]))
            return
        for character in shape:
            font = self._font(character)
            yield _Sign(character, font, script(character)) if font else _Sign(REPLACEMENT, "body", "Zyyy")

    def _font(self, grapheme: str) -> str | None:
        """The font for it: the one set now if it can, but for emoji their own."""
        fonts = [self._set_now, f"body{self.font_style}", "body", *self._others]
        if is_emoji(grapheme) and "emoji" in self._others:
            fonts.insert(0, "emoji")
        codes = {ord(character) for character in visible(grapheme)}
        return next((font for font in fonts if codes <= self._codes[font]), None)

    @property
    def _set_now(self) -> str:
        """The font that `set_font` chose."""
        return self.font_family + self.font_style


def _levels(line: str, base: TextDirection) -> Iterator[tuple[str, int]]:
    """The parts of a line that run in one direction, and their levels, by the algorithm of Unicode's annex 9: odd ones
    run from right to left, and higher ones stand within lower ones."""
    level = int(base is TextDirection.RTL)
    known: dict[int, int] = {}
    if level or right_to_left(line):
        # fpdf2 looks for the nearest letter by recursion, and there may be thousands of dashes before it.
        with suppress(RecursionError):
            known = {c.character_index: c.embedding_level for c in BidiParagraph(line, base).characters}
    # Joiners and selectors have none of their own.
    levels = [level := known.get(index, level) for index in range(len(line))]
    for found, part in groupby(zip(line, levels, strict=True), key=itemgetter(1)):
        yield "".join(character for character, _ in part), found


class _Line(TextLine):
    """A line whose pieces stand where its reader looks for them."""

    def get_ordered_fragments(self) -> list[Fragment]:
        """From left to right: from the highest level down, what is at least that deep is turned around."""
        pieces = list(self.fragments)
        for lowest in range(max(map(_level, pieces), default=0), 0, -1):
            runs = [list(run) for _, run in groupby(pieces, key=lambda piece: _level(piece) >= lowest)]
            pieces = [piece for run in runs for piece in (run[::-1] if _level(run[0]) >= lowest else run)]
        return pieces


def _level(piece: Fragment) -> int:
    return int((piece.text_shaping_parameters or {"level": 0})["level"])


def _runs(signs: Iterable[_Sign]) -> Iterator[list[_Sign]]:
    """Signs of one font and one script together. What belongs to no script goes with those before it."""
    run: list[_Sign] = []
    for sign in signs:
        last = run[-1] if run else sign
        if sign.script in _COMMON:
            sign = sign._replace(script=last.script)
        if sign.font != last.font or last.script not in (sign.script, *_COMMON):
            yield run
            run = []
        run.append(sign)
    if run:
        yield run
