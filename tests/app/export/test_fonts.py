"""Which fonts a text needs, and how the system is asked for what the shipped ones lack."""

from pathlib import Path

import pytest
import uharfbuzz as hb
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from app.export.fonts import BODY, EMOJI, FOLDER, JAPANESE, REPLACEMENT, Fallbacks, fallbacks
from app.export.system_fonts import Face, repertoire
from app.say.wording import Wording

LETTER, OTHER = "ก", "ข"
"""Thai, which the shipped fonts lack."""
PRIVATE = "\U000f0001"
"""In no font of any system."""


def make_font(path: Path, letters: str, restricted: bool = False) -> Face:
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "letter"])
    builder.setupCharacterMap({ord(letter): "letter" for letter in letters})
    pen = TTGlyphPen(None)
    for step, point in enumerate([(0, 0), (500, 0), (500, 700)]):
        (pen.lineTo if step else pen.moveTo)(point)
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "letter": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "letter": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Test", "styleName": "Regular"})
    builder.setupOS2(fsType=2 if restricted else 0)
    builder.setupPost()
    builder.save(path)
    return Face(path)


class Fontconfig:
    """A `fc-match` that notes what it is asked, and answers with the same lines every time."""

    def __init__(self, folder: Path) -> None:
        self._asked, self._answer, self._command = folder / "asked", folder / "answer", folder / "fc-match"
        self.answer()

    def answer(self, *faces: Face) -> None:
        self._answer.write_text("".join(f"{face.number}\t{face.path}\n" for face in faces))
        note = f'for pattern in "$@"; do :; done; echo "$pattern" >> {self._asked}'
        self.run(f'{note}; while read -r line; do echo "$line"; done < {self._answer}')

    def run(self, script: str) -> None:
        self._command.write_text(f"#!/bin/sh\n{script}\n")
        self._command.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        """The characters of each question."""
        lines = self._asked.read_text().splitlines() if self._asked.exists() else []
        return [line.split("charset=")[1].split(":")[0] for line in lines]


@pytest.fixture
def fontconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fontconfig:
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", str(commands))
    return Fontconfig(commands)


def test_no_more_fonts_than_needed(fontconfig: Fontconfig) -> None:
    assert fallbacks("abc äöü ❤\n\t\u200d") == Fallbacks((), ())
    assert fallbacks("灯台") == Fallbacks((JAPANESE,), ())
    assert fallbacks("a ✅ 👍🏽") == Fallbacks((EMOJI,), ())
    assert fallbacks("❤️ 😀") == Fallbacks((EMOJI,), ())  # BODY has both, but not as emoji
    assert fallbacks("灯台 ✅") == Fallbacks((JAPANESE, EMOJI), ())
    assert fontconfig.asked == []


def test_fontconfig_is_asked_once_for_what_is_missing_alone(fontconfig: Fontconfig, tmp_path: Path) -> None:
    thai = make_font(tmp_path / "thai.ttf", LETTER + OTHER)
    fontconfig.answer(thai, Face(BODY[""]))
    assert fallbacks(f"a {LETTER}{OTHER} 日 ✅ " * 100) == Fallbacks((JAPANESE, EMOJI, thai), ())
    assert fontconfig.asked == ["e01 e02"]


def test_fontconfig_is_asked_again_for_what_its_first_font_lacks(fontconfig: Fontconfig, tmp_path: Path) -> None:
    first, second = make_font(tmp_path / "a b.ttf", LETTER), make_font(tmp_path / "c.ttf", OTHER)
    locked, broken = make_font(tmp_path / "d.ttf", LETTER, restricted=True), tmp_path / "e.otf"
    broken.write_bytes(b"no font")
    fontconfig.answer(locked, Face(broken), Face(tmp_path / "gone.ttf"), Face(tmp_path / "f.pfb"), first)
    assert fallbacks(LETTER + OTHER) == Fallbacks((first,), (OTHER,))
    assert fontconfig.asked == ["e01 e02", "e02"]
    fontconfig.answer(second)
    assert fallbacks(LETTER + OTHER) == Fallbacks((second,), (LETTER,))


def test_an_instance_of_a_variable_font_is_its_file(fontconfig: Fontconfig, tmp_path: Path) -> None:
    thai = make_font(tmp_path / "thai.ttf", LETTER)
    fontconfig.answer(Face(thai.path, 0x30000))
    assert fallbacks(LETTER) == Fallbacks((thai,), ())


@pytest.mark.parametrize("script", ["exit 1", "exit 0"])
def test_a_fontconfig_that_does_not_answer_has_no_fonts(fontconfig: Fontconfig, script: str) -> None:
    fontconfig.run(script)
    assert fallbacks(LETTER) == Fallbacks((), (LETTER,))


def test_without_fontconfig_the_folders_are_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / ".fonts" / "sub").mkdir(parents=True)
    face = make_font(tmp_path / ".fonts" / "sub" / "private.ttf", PRIVATE)
    assert fallbacks(PRIVATE) == Fallbacks((face,), ())


def test_in_a_folder_usable_fonts_are_found(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    make_font(tmp_path / "locked.ttf", LETTER, restricted=True)
    assert fallbacks(LETTER, [tmp_path, Path("/nowhere")]) == Fallbacks((), (LETTER,))
    (tmp_path / "sub").mkdir()
    thai = make_font(tmp_path / "sub" / "thai.ttf", LETTER)
    assert fallbacks(f"a{LETTER}日", [tmp_path]) == Fallbacks((JAPANESE, thai), ())


def test_chinese_is_not_set_in_two_fonts(tmp_path: Path) -> None:
    part = make_font(tmp_path / "part.ttf", "这")
    assert fallbacks("这日", [tmp_path]) == Fallbacks((JAPANESE, part), ())
    whole = make_font(tmp_path / "part.ttf", "这日")
    assert fallbacks("这日", [tmp_path]) == Fallbacks((whole,), ())


def test_what_no_font_has_is_named(tmp_path: Path) -> None:
    (note,) = fallbacks(f"a {OTHER}{LETTER} {LETTER}{PRIVATE}", []).notes
    assert str(note) == (
        "No font here has these characters, so the PDF shows � in their place: ก (U+0E01), ข (U+0E02), U+F0001. "
        "Install a font that has them, or export the draft as a Word document or as text."
    )
    japanese = note.worded(Wording("ja"))
    assert "PDF では � で表示しています：ก (U+0E01)、ข (U+0E02)、U+F0001。" in japanese.replace(", ", "、")
    (note,) = fallbacks("".join(chr(0x0E01 + n) for n in range(20)), []).notes
    assert "ฌ (U+0E0C) and 8 more. Install" in str(note)
    assert "ほか 8 文字。" in note.worded(Wording("ja"))
    assert fallbacks("a ✅ 日", []).notes == ()


def test_every_shipped_font_has_a_licence_beside_it() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "DejaVuSans.ttf",
        "DejaVuSans-Bold.ttf",
        "DejaVuSans-Oblique.ttf",
        "DejaVuSans-BoldOblique.ttf",
        "DejaVuSansMono.ttf",
        "LICENSE-DejaVu",
        "MTLc3m.ttf",
        "LICENSE-MotoyaLCedar",
        "NotoEmoji-Regular.ttf",
        "LICENSE-NotoEmoji",
        "make.py",
    }


def test_the_body_has_the_sign_for_what_is_missing() -> None:
    for path in BODY.values():
        assert REPLACEMENT in repertoire(Face(path))


@pytest.mark.slow
@pytest.mark.parametrize("face", [Face(BODY[""]), JAPANESE, EMOJI])
def test_a_repertoire_is_what_the_font_maps(face: Face) -> None:
    with TTFont(face.path) as font:
        assert repertoire(face) == set(map(chr, font.getBestCmap()))


@pytest.mark.parametrize("sign", ["✅", "❤️", "1️⃣", "#️⃣", "👍🏽", "👨‍👩‍👧‍👦", "👩🏽‍🚒", "🏳️‍🌈", "🇯🇵", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👁️‍🗨️"])
def test_the_emoji_font_draws_a_sequence_as_one_glyph(sign: str) -> None:
    buffer = hb.Buffer()
    buffer.add_str(sign)
    buffer.guess_segment_properties()
    hb.shape(hb.Font(hb.Face(hb.Blob.from_file_path(str(EMOJI.path)))), buffer)
    (glyph,), (position,) = buffer.glyph_infos, buffer.glyph_positions
    assert glyph.codepoint != 0
    assert position.x_advance == 2600
