"""Programs and data as text: as they stand, in a fence, with classes and functions as headings."""

from __future__ import annotations

import re

from app.documents.document import Document, Heading
from app.documents.file_input import FileInput
from app.documents.repair import clean
from app.documents.text import decode

SOURCE_TYPES = (
    ".py", ".c", ".h", ".cpp", ".cc", ".hpp", ".cs", ".java", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".go", ".rs", ".rb",
    ".php", ".pl", ".lua", ".swift", ".kt", ".scala", ".r", ".jl", ".hs", ".sql", ".sh", ".css", ".json", ".yaml",
    ".yml", ".toml", ".ini", ".cfg", ".xml", ".log",
)  # fmt: skip
_DEFINED = re.compile(
    r"(?P<indent>[ ]{0,4}|\t?)(?:(?:export|default|pub(?:\(\w+\))?|async|static|public|private|abstract|final|data) )*"
    r"(?P<kind>class|def|function|func|fn|struct|interface|enum|trait|impl|module|namespace|object|protocol)\b[ *]+"
    r"(?P<name>(?:\([^()]{0,60}\) )?[\w.:<>]+)"
)


def read_source(data: bytes, job: FileInput) -> Document:
    """One page."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    longest = max(map(len, re.findall(r"^`{3,}", text, re.MULTILINE)), default=2)
    fence = "`" * (longest + 1)
    pages = clean([f"{fence}\n{text.strip(chr(10))}\n{fence}"], [None])
    return Document(job.name, pages, notes, tuple(_headings(pages[0].text)))


def _headings(text: str) -> list[Heading]:
    found, offset = [], 0
    for line in text.split("\n"):
        if match := _DEFINED.match(line):
            level = 2 if match["indent"] else 1
            found.append(Heading(1, offset, level, f"{match['kind']} {match['name'].rstrip(':')}"))
        offset += len(line) + 1
    return found
