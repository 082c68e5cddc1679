"""The texts: manuals, a novel, a treatise and a log, from Debian's packages, read as the app does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from app.documents import read_document

from ..writing.corpus import Library

_R, _GO = "usr/share/R/doc/manual", "usr/share/gocode/src/github.com/klauspost/compress/testdata"


PLACES = (1 / 4, 3 / 4, 1 / 2)
"""Where in a text its places begin, as shares of it: the same however many are measured."""


@dataclass(frozen=True)
class Text:
    """A file of a package, and of which kind it is."""

    name: str
    kind: str
    package: str
    inside: str


TEXTS = (
    Text("R-exts", "manual, PDF", "r-doc-pdf", f"{_R}/R-exts.pdf"),
    Text("policy", "standard, PDF", "debian-policy", "usr/share/doc/debian-policy/policy.pdf.gz"),
    Text(
        "reference",
        "handbook, EPUB",
        "developers-reference",
        "usr/share/developers-reference/developers-reference.epub",
    ),
    Text("faq", "questions, TXT", "debian-faq", "usr/share/doc/debian/FAQ/debian-faq.en.txt.gz"),
    Text("git", "manual, HTML", "git-doc", "usr/share/doc/git-doc/user-manual.html"),
    Text("Sawyer", "novel, TXT", "golang-github-klauspost-compress-dev", f"{_GO}/Mark.Twain-Tom.Sawyer.txt"),
    Text("Opticks", "treatise, TXT", "golang-1.19-src", "usr/share/go-1.19/src/testdata/Isaac.Newton-Opticks.txt"),
    Text("changes", "log, TXT", "glibc-doc", "usr/share/doc/glibc-doc/ChangeLog.18.gz"),
)

AROUND_TASKS = ("faq", "Sawyer", "Opticks")
"""The texts among whose paragraphs the lines of tasks stand."""


@dataclass(frozen=True)
class Case:
    """A place in a text: int64 `(1, prompt and what follows)`."""

    text: Text
    place: int
    ids: Tensor

    @property
    def name(self) -> str:
        """The text's, with the place."""
        return f"{self.text.name}/{self.place}"


def cases(
    texts: Sequence[Text], tokenizer: PreTrainedTokenizerBase, library: Library, length: int, places: int
) -> Iterator[Case]:
    """So many stretches of `length` tokens of each text, spread evenly over it."""
    for text in texts:
        ids = token_ids(text, tokenizer, library)
        if len(ids) < length * places:
            raise SystemExit(f"{text.name} has {len(ids):,} tokens; {places} stretches of {length:,} do not fit.")
        for place in range(places):
            # Neither the title and contents of the text nor its index.
            begin = int(PLACES[place] * (len(ids) - length))
            yield Case(text, place, ids[None, begin : begin + length])


def token_ids(text: Text, tokenizer: PreTrainedTokenizerBase, library: Library) -> Tensor:
    """All of a text, int64 `(length,)`."""
    return torch.tensor(tokenizer(words(text, library), verbose=False)["input_ids"])


def words(text: Text, library: Library) -> str:
    """All of a text."""
    path = library.file(text.package, text.inside)
    suffix = ".txt" if path.suffix.lstrip(".").isdigit() else path.suffix  # a log's name may end in a number
    document = read_document(path, name=f"{text.name}{suffix}")
    return "\n\n".join(page.text for page in document.pages)
