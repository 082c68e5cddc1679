"""Bytes to text where no encoding is stated or a wrong one: by what the bytes allow, and by evidence of language.

A decoding is good if its letters beyond ASCII are those of one language, stand in words as letters do, and its signs
stand where signs do.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from app.documents.languages import CHINESE, LANGUAGES

REPLACEMENT = "\ufffd"
"""Stands for bytes that belong to no character."""

# Of two that say the same the earlier is taken.
_SINGLE = (
    "cp1252", "cp1250", "cp1254", "cp1251", "cp1253", "cp1257", "iso8859_2", "koi8_r", "koi8_u", "cp1255", "cp1256",
    "cp874", "cp1258", "iso8859_5", "iso8859_7", "iso8859_9", "iso8859_15", "cp866", "cp850", "cp852", "cp437",
    "mac_roman", "mac_cyrillic",
)  # fmt: skip
_DOUBLE = ("cp932", "euc_jp", "gb18030", "cp950", "cp949")
_OLD = {
    "cp866",
    "cp850",
    "cp852",
    "cp437",
    "mac_roman",
    "mac_cyrillic",
    "iso8859_5",
    "iso8859_9",
    "iso8859_15",
    "cp1258",
}
_SAMPLE_BYTES, _SAMPLE_SIGNS = 60_000, 4_000
_ENOUGH = 0.35
_UTF8_SHARE = 3  # bytes of good sequences for each bad byte
_WORD = re.compile(r"[^\W\d_]+")
_BEYOND = re.compile(r"[^\x00-\x7f]")
_FULL_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fe]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_IDEOGRAPH = re.compile(r"[\u3400-\u9fff]")
_CJK_SIGNS = re.compile(r"[\u3000-\u301f\uff01-\uff5e]")
_APOSTROPHES, _DASHES = "’‘ʼ", "–—‑-"
_OPENING, _CLOSING = "“„‘‚«‹¿¡(", "”“’‘»›…"
_BEFORE_DIGIT, _AFTER_DIGIT = "£€¥§±×÷¤", "°º½¼¾²³¹€£¢‰×µ"


@dataclass(frozen=True, slots=True)
class Guess:
    """A text, the encoding it was read in, and how many bytes belong to none of its characters."""

    text: str
    encoding: str
    bad: int


def as_utf8(data: bytes) -> Guess | None:
    """The text if it is UTF-8 but for a few bytes, which are replaced; None if it is something else."""
    text = data.decode("utf-8", "replace")
    bad = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode())
    # The bytes beyond ASCII that belong to characters.
    good = len(data) - len(data.translate(None, bytes(range(0x80, 0x100)))) - bad
    return Guess(text, "UTF-8", bad) if good >= _UTF8_SHARE * bad else None


def as_utf16(data: bytes) -> Guess | None:
    """The text if it is UTF-16 without a byte order mark; None if it is something else."""
    if len(data) < 8 or len(data) % 2:
        return None
    best: tuple[float, str, str] | None = None
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:20_000]
        if not re.search(r"[ \n\u3001\u3002]", sample) or "\0" in text:
            continue
        # A text keeps to few blocks of 256 characters, but for ideographs, and has no unassigned ones.
        usual = sum(sign.isprintable() or sign in "\n\r\t\f" for sign in sample) / len(sample)
        blocks = Counter(ord(sign) >> 8 for sign in sample if not ("\u3400" <= sign <= "\ud7a3"))
        narrow = sum(count for _, count in blocks.most_common(4)) / max(sum(blocks.values()), 1)
        common = sum(ord(sign) < 0x80 for sign in sample) / len(sample)
        score = min(usual, narrow) + common
        if usual > 0.98 and narrow > 0.8 and (best is None or score > best[0]):
            best = score, text, encoding
    return Guess(best[1], best[2], 0) if best else None


def by_language(data: bytes) -> Guess | None:
    """The text in the encoding in which it is most likely a text of some language; None if it is in none."""
    if data.isascii() and b"\x1b$" in data:
        return _decoded(data, "iso2022_jp")
    sample = _sample(data)
    scores = {encoding: _single_byte_score(sample.decode(encoding, "replace")) for encoding in _SINGLE}
    scores |= {encoding: _double_byte_score(sample.decode(encoding, "replace")) for encoding in _DOUBLE}
    for encoding in _OLD & set(scores):
        scores[encoding] -= 0.1
    best = max(scores, key=lambda encoding: scores[encoding])
    return _decoded(data, best) if scores[best] >= _ENOUGH else None


def _decoded(data: bytes, encoding: str) -> Guess:
    text = data.decode(encoding, "replace")
    return Guess(text, encoding, text.count(REPLACEMENT))


def sample_of(text: str, *, around: str = r"[^\x00-\x7f]") -> str:
    """A few words around the first character that is not ASCII, on one line."""
    found = re.search(rf"[^\W\d_]*{around}", text)
    start = max(found.start() - 15, 0) if found else 0
    words = " ".join(text[start : start + 60].split())
    return words.partition(" ")[2] if start and " " in words[:15] else words


def _sample(data: bytes) -> bytes:
    """The lines that are not ASCII, as many as suffice."""
    lines: list[bytes] = []
    size = 0
    for line in re.split(rb"[\r\n]", data):
        if not line.isascii():
            lines.append(line[:_SAMPLE_BYTES])
            size += len(lines[-1])
            if size > _SAMPLE_BYTES:
                break
    return b"\n".join(lines)[: 2 * _SAMPLE_BYTES]


def _single_byte_score(text: str) -> float:
    """How likely a text is one of some language: about 1 if so, below 0 if not."""
    letters: Counter[str] = Counter()
    count = breaks = 0
    signs = 0.0
    for match in _BEYOND.finditer(text):
        sign, at = match[0], match.start()
        count += 1
        if (
            sign.isalpha()
            or "\u0300" <= sign <= "\u036f"
            or "\u064b" <= sign <= "\u0652"
            or "\u0e30" <= sign <= "\u0e4f"
        ):
            letters[sign.lower() if sign != "İ" else sign] += 1
            before, after = text[at - 1 : at], text[at + 1 : at + 2]
            breaks += (sign.isupper() and before.islower()) or (sign.islower() and before.isupper() and after.isupper())
            breaks += sign.islower() and after.isupper()
            # Scripts do not mix within a word.
            breaks += sign > "\u024f" and any(beside.isascii() and beside.isalnum() for beside in (before, after))
        else:
            signs += _sign_score(sign, text[at - 1] if at else " ", text[at + 1 : at + 2] or " ")
        if count >= _SAMPLE_SIGNS:
            break
    if not count:
        return 0.0
    words = Counter(_WORD.findall(text.lower()))
    total = sum(words.values())
    best = max(
        sum(number * (1 if sign in language.letters else 0.4 if sign in language.rare else -1)
            for sign, number in letters.items()) / count
        + 2 * min(sum(words[word] for word in language.words) / max(total, 1), 0.25)
        for language in LANGUAGES
    )  # fmt: skip
    return best + (signs - 2 * breaks) / count


def _sign_score(sign: str, before: str, after: str) -> float:
    if sign == REPLACEMENT or "\x80" <= sign <= "\x9f":
        return -3
    inside = before.isalpha() and after.isalpha()
    if sign in _APOSTROPHES and (inside or before.isalpha()):
        return 1
    if sign in _DASHES or sign in "\xa0•·†‡©®™":
        return 0.8 if not inside or sign in _DASHES else -1
    if sign in _OPENING and not before.isalnum() and not after.isspace():
        return 1
    if sign in _CLOSING and not before.isspace() and not after.isalpha():
        return 1
    if sign in "«»" and not inside:
        return 0.8
    if (sign in _BEFORE_DIGIT and (after.isdigit() or (after == " " and before == " "))) or (
        sign in _AFTER_DIGIT and (before.isdigit() or before == " ") and (sign == "°" or not after.isalpha())
    ):
        return 1
    return -1.5


def _double_byte_score(text: str) -> float:
    """The same for encodings of East Asia."""
    beyond = _BEYOND.findall(text)
    if not beyond:
        return 0.0
    count, joined = len(beyond), "".join(beyond)
    bad = joined.count(REPLACEMENT) / count
    kana, hangul, signs = (len(form.findall(joined)) / count for form in (_FULL_KANA, _HANGUL, _CJK_SIGNS))
    ideographs = _IDEOGRAPH.findall(joined)
    common = sum(sign in CHINESE for sign in ideographs) / count
    whole = kana + hangul + signs + len(ideographs) / count
    if hangul > 0.5:
        score = hangul + signs
    elif kana > 0.15:
        score = min(whole, 1.0) - 2 * hangul
    else:
        score = min(2.2 * common, 1.0) * min(whole, 1.0) + 0.3 * signs
    return score + 0.2 * (whole > 0.97) - 4 * bad
