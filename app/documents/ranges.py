"""Which pages of a document a person wants: "1-3, 7, 12-" and back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from app.documents.document import Document, Page
from app.say.errors import PageRangeError
from app.say.wording import Message
from app.text.valid import is_visible

_SEPARATOR = re.compile(r"[,，﹐､、﹑;；]")
# For what NFKC makes of an entry, in which full-width and half-width digits, dashes and blanks are the same.
_NUMBER = r"(?:pages?|pp?\.?|第)?\s*(\d{1,9})\s*(?:ページ目?|頁|页|pp?\.?)?"
_TO = r"[-‐‒–—―−~〜∼ー]{1,2}|から|to"
_ENTRY = re.compile(rf"{_NUMBER}(?:\s*({_TO})\s*(?:{_NUMBER}\s*(?:まで)?)?)?", re.IGNORECASE)


def select_pages(document: Document, ranges: str) -> tuple[Page, ...]:
    """The pages named by `ranges`, such as "1-3, 7, 12-", in the document's order, each once; "" names all.

    Other ways to write them are understood too: "１〜３、７", "pp. 1 to 3; p. 7", "第1頁から第3頁まで", and the decimal
    digits of any script. Pages without text are left out. Raises PageRangeError if the text cannot be read, names a
    page that does not exist, or names only pages without text.
    """
    count = len(document.pages)
    entries = _SEPARATOR.split(ranges) if ranges.strip() else [f"1-{count}"]
    wanted = {number for entry in entries for number in _parse_entry(entry.strip(), document.name, count)}
    pages = tuple(page for page in document.pages if page.number in wanted and is_visible(page.text))
    if not pages:
        raise PageRangeError("{}: the chosen pages ({}) have no text. Choose others.", document.name, ranges.strip())
    return pages


def _parse_entry(entry: str, name: str, count: int) -> range:
    extent = Message("{} has {:,} page" if count == 1 else "{} has {:,} pages", name, count)
    # NFKC makes digits of these, too: 1² would be page 12.
    signs = any(sign.isnumeric() and not sign.isdecimal() for sign in entry)
    match = None if signs else _ENTRY.fullmatch(unicodedata.normalize("NFKC", entry))
    if match is None:
        if not entry:
            raise PageRangeError("{}; there is nothing between two commas. Write for example 1-3, 7, 12-", extent)
        raise PageRangeError("{}; “{}” is not a page or a range of pages. Write for example 1-3, 7, 12-", extent, entry)
    first = int(match[1])
    last = int(match[3]) if match[3] else count if match[2] else first
    if first < 1:
        raise PageRangeError("{}; page numbers start at 1, not at {}.", extent, first)
    if max(first, last) > count:
        raise PageRangeError("{}; there is no page {:,}.", extent, max(first, last))
    if last < first:
        raise PageRangeError("{}; “{}” runs backwards: write {}-{}.", extent, entry, last, first)
    return range(first, last + 1)


def name_pages(numbers: Iterable[int]) -> str:
    """`numbers`, in ascending order, as a person would write them: "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)
