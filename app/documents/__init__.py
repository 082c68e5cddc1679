"""Files become documents: pages of plain text. One format a module; knows nothing of prompts, tokens or the screen."""

from app.documents.document import (
    AS_FOUND,
    LEVELS,
    Document,
    Heading,
    Origin,
    Page,
    ReadAs,
    Recognised,
    RemovedLine,
    duplicates,
)
from app.documents.file_input import Progress
from app.documents.headings import find_headings
from app.documents.ranges import name_pages, select_pages
from app.documents.read import ACCEPTED_TYPES, choices_of, read_document, read_pasted
from app.documents.repair import normalise

__all__ = [
    "ACCEPTED_TYPES",
    "AS_FOUND",
    "LEVELS",
    "Document",
    "Heading",
    "Origin",
    "Page",
    "Progress",
    "ReadAs",
    "Recognised",
    "RemovedLine",
    "choices_of",
    "duplicates",
    "find_headings",
    "name_pages",
    "normalise",
    "read_document",
    "read_pasted",
    "select_pages",
]
