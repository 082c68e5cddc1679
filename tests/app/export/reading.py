"""Written files read back with other people's libraries, and the text that is to be found in them."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import docx
from docx.document import Document
from docx.table import Table as WordTable
from pypdf import PdfReader

from app.export.blocks import Block, Code, Heading, Items, Paragraph, Quote, Table, plain


def texts(blocks: Sequence[Block], numbered: bool = False) -> Iterator[str]:
    """The text of every block, a row's cells one by one; with `numbered` also the marks of lists."""
    for block in blocks:
        if isinstance(block, Heading | Paragraph):
            yield plain(block.spans)
        elif isinstance(block, Code):
            yield block.text
        elif isinstance(block, Quote):
            yield from texts(block.blocks, numbered)
        elif isinstance(block, Items):
            for number, item in enumerate(block.items):
                if numbered:
                    yield "•" if block.start is None else f"{block.start + number}."
                yield from texts(item, numbered)
        elif isinstance(block, Table):
            for row in block.rows:
                yield from map(plain, row)


def open_word(data: bytes) -> Document:
    return docx.Document(BytesIO(data))


def word_texts(data: bytes) -> Iterator[str]:
    for part in open_word(data).iter_inner_content():
        if isinstance(part, WordTable):
            yield from (cell.text for row in part.rows for cell in row.cells)
        else:
            yield part.text


def pdf_text(data: bytes) -> str:
    """The text of all pages without the number at the foot of each, and without white space."""
    pages = PdfReader(BytesIO(data)).pages
    return "".join(
        "".join(page.extract_text().split()).removesuffix(str(number)) for number, page in enumerate(pages, 1)
    )


def squeezed(parts: Iterator[str]) -> str:
    """All parts in a row without white space."""
    return "".join("".join(parts).split())
