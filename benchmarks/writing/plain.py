"""The documents' plain text in their chapters, by pdftotext or pypdf, html.parser and zipfile."""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from pypdf import PdfReader
from pypdf.generic import Destination

TENTHS = 10
FEWEST_CHAPTERS = 4
"""With fewer a document counts in tenths."""
_BLOCKS = re.compile(
    "address|article|blockquote|body|br|d[dlt]|div|fig(ure|caption)|footer|h[1-6]|header|li|main|nav|ol|p|pre|section"
    "|table|td|th|tr|ul"
)
_HIDDEN = frozenset({"script", "style", "head", "template"})
_CHAPTER = "\f"


def chapters(path: Path) -> list[str]:
    """The text of each chapter, or of each tenth of the words where chapters can't be told."""
    kinds = {".pdf": _pdf, ".epub": _epub, ".html": _html}
    found = kinds.get(path.suffix, _text)(path)
    found = [text for text in found if len(text.split()) >= 100 or _is_cjk(text)]
    return found if len(found) >= FEWEST_CHAPTERS else _tenths("\n\n".join(found))


def paragraphs(text: str) -> list[str]:
    """What empty lines divide, without lines of a table of contents, with words joined that a line end divides."""
    lines = [
        line for line in text.splitlines() if not re.search(r"(?:\.\s?){4,}|^\W*\d*\W*$", line) or not line.strip()
    ]
    joined = re.sub(r"(?<=[a-z])[-\u00ad]\n\s*(?=[a-z])", "", "\n".join(lines))
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", joined) if paragraph.strip()]


def _pdf(path: Path) -> list[str]:
    reader = PdfReader(path)
    if shutil.which("pdftotext"):
        done = subprocess.run(["pdftotext", "-enc", "UTF-8", str(path), "-"], capture_output=True, check=True)
        pages = done.stdout.decode("utf-8", "replace").split("\f")[: len(reader.pages)]
    else:
        pages = [page.extract_text() for page in reader.pages]
    tops = [entry for entry in reader.outline if isinstance(entry, Destination)]
    starts = sorted({0, *(number for entry in tops if (number := reader.get_destination_page_number(entry)))})
    return ["\n\n".join(pages[start:end]) for start, end in zip(starts, [*starts[1:], len(pages)], strict=True)]


class _Reader(HTMLParser):
    """Text with an empty line between blocks and a form feed before each heading of `level`."""

    def __init__(self, level: str | None) -> None:
        super().__init__()
        self.text: list[str] = []
        self.headings: Counter[str] = Counter()
        self._level, self._hidden = level, 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        self.headings[tag] += 1
        if _BLOCKS.fullmatch(tag):
            self.text.append(_CHAPTER if tag == self._level else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN
        if _BLOCKS.fullmatch(tag):
            self.text.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


def _read_html(markup: str, level: str | None = None) -> _Reader:
    reader = _Reader(level)
    reader.feed(markup)
    reader.close()
    return reader


def _html(path: Path) -> list[str]:
    markup = path.read_text("utf-8", "replace")
    headings = _read_html(markup).headings
    level = next((tag for tag in ("h1", "h2", "h3") if headings[tag] >= FEWEST_CHAPTERS), None)
    return "".join(_read_html(markup, level).text).split(_CHAPTER)


def _epub(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
        package = next(str(element.get("full-path")) for element in container.iter() if element.get("full-path"))
        root = ElementTree.fromstring(archive.read(package))
        items = {str(item.get("id")): str(item.get("href")) for item in root.iter() if item.tag.endswith("}item")}
        spine = [items[str(item.get("idref"))] for item in root.iter() if item.tag.endswith("}itemref")]
        names = [posixpath.join(posixpath.dirname(package), unquote(href)) for href in spine]
        return ["".join(_read_html(archive.read(name).decode("utf-8", "replace")).text) for name in names]


def _text(path: Path) -> list[str]:
    return [path.read_text("utf-8", "replace")]


def _tenths(text: str) -> list[str]:
    found = paragraphs(text)
    total, done = sum(map(len, found)), 0
    parts: list[list[str]] = [[] for _ in range(TENTHS)]
    for paragraph in found:
        parts[min(TENTHS - 1, TENTHS * done // total)].append(paragraph)
        done += len(paragraph)
    return ["\n\n".join(part) for part in parts if part]


def _is_cjk(text: str) -> bool:
    return len(re.findall(r"[぀-ヿ一-鿿]", text)) >= 200


def whole(texts: Sequence[str]) -> str:
    """The chapters as one text."""
    return "\n\n".join(texts)
