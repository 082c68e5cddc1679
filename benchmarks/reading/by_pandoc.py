"""Word documents and e-books against pandoc."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from app.documents import read_document
from app.say.errors import DocumentError
from app.settings import Limits

from .words import Score, compared, words

_SECONDS = 120
_LABEL = re.compile(r"^([#>\s*\-•]*)(?:§\s*)?(?:(?:\d+|[A-Za-z]|[ivxlcIVXLC]+)[.)])+(?:\d+)?(?=\s)", re.MULTILINE)
_NOTE = re.compile(r"\[\^\w+\]:?")
_COMMAND = re.compile(r"\\[A-Za-z]+|\\.|[{}^_$]")
_BLOCKS = frozenset(("Para", "Plain", "Header", "CodeBlock", "LineBlock", "Div", "BlockQuote", "Table"))


def measure(path: Path) -> Score | None:
    """The score of a file; None if pandoc or the app reads nothing of it."""
    theirs = pandoc_text(path)
    if not words(theirs):
        return None
    start = perf_counter()
    try:
        document = read_document(path, limits=Limits(max_read_seconds=600))
    except DocumentError as error:
        print(f"{path.name}: {error}")
        return compared(path.name, [], words(theirs))
    seconds = perf_counter() - start
    ours = "\n".join(page.text for page in document.pages)
    return compared(path.name, words(_unlabelled(ours)), words(_unlabelled(theirs)), len(document.pages), seconds)


def pandoc_text(path: Path) -> str:
    """What pandoc finds in a file: its text in order, notes where their marks are; "" if it finds nothing."""
    try:
        run = subprocess.run(
            ["pandoc", "-f", path.suffix[1:], "-t", "json", str(path)], capture_output=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return ""
    if run.returncode:
        return ""
    read = json.loads(run.stdout)
    # Of a Word document's first paragraphs pandoc makes its title and authors; an e-book's are not in its text.
    about = [] if path.suffix == ".epub" else [{"t": "Para", "c": value} for value in read["meta"].values()]
    return "".join(_texts([about, read["blocks"]]))


def _texts(node: Any) -> Iterator[str]:
    """The texts of pandoc's elements, a block on lines of its own."""
    if isinstance(node, list):
        for part in node:
            yield from _texts(part)
    elif isinstance(node, dict):
        kind: Any = node.get("t")
        content: Any = node.get("c")
        if kind == "Str":
            yield content
        elif kind in ("Space", "SoftBreak"):
            yield " "
        elif kind == "LineBreak":
            yield "\n"
        elif kind in ("Code", "CodeBlock"):
            yield content[1]
        elif kind == "Math":
            yield " " + _COMMAND.sub(" ", content[1]) + " "
        elif kind not in ("RawInline", "RawBlock"):
            yield from _texts(content)
        if kind in _BLOCKS:
            yield "\n"


def _unlabelled(text: str) -> str:
    """Without the numbers of notes, headings and lists, which pandoc does not tell where the file counts them."""
    return _LABEL.sub(r"\1", _NOTE.sub("", text))
