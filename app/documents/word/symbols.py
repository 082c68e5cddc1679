"""Characters of the fonts Symbol and Wingdings, which Word writes by their place in the font."""

from __future__ import annotations

_PRIVATE = 0xF000
_SYMBOL = dict(
    zip(
        [*range(0x20, 0x7F), *range(0xA0, 0xE6), 0xF1, 0xF2],
        " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
        "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑〉∫",
        strict=True,
    )
)
_WINGDINGS = {
    0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "□", 0x70: "❐", 0x71: "❑", 0x72: "❒",
    0x75: "◆", 0x76: "❖", 0x77: "◆", 0x9F: "•", 0xA1: "○", 0xA7: "▪", 0xA8: "☐", 0xAB: "★", 0xD8: "➢", 0xDF: "←",
    0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐"}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def symbol(font: str, code: int) -> str:
    """The character at `code`, which may stand in the private area from U+F000 on, of a font.

    Of a font that is not known it is the character itself, or U+FFFD where that would be a private one.
    """
    place = code - _PRIVATE if _PRIVATE <= code < _PRIVATE + 0x100 else code
    known = _FONTS.get(font.strip().lower())
    if known is not None:
        return known.get(place, "\ufffd")
    return "\ufffd" if place != code or not 0x20 <= code < 0xD800 else chr(code)


def in_font(text: str, font: str) -> str:
    """A run's text in `font`: characters of the private area, and all letters if it is the font Symbol."""
    known = _FONTS.get(font.strip().lower())
    if known is not None:
        return "".join(known.get(ord(sign) % _PRIVATE, sign) for sign in text)
    if not any("\uf020" <= sign <= "\uf0ff" for sign in text):
        return text
    return "".join(_SYMBOL.get(ord(sign) - _PRIVATE, sign) if "\uf020" <= sign <= "\uf0ff" else sign for sign in text)
