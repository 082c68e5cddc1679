"""The texts: long documents of many kinds from Debian's packages to train on, and others that are held out."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..quality.texts import TEXTS, Case, Text, token_ids
from ..writing.corpus import Library, unpacked

SHORTEST, LONGEST, MOST = 12_000, 600_000, 1_600_000
"""Characters of a document at least and at most, and of all of a package."""


@dataclass(frozen=True)
class Source:
    """Documents of a package: those whose path matches a pattern, and none of which the name begins with `without`."""

    package: str
    pattern: str
    kind: str
    without: tuple[str, ...] = ()


SOURCES = (
    Source("anarchism", "**/markdown/*.md.gz", "essays"),
    Source("perl-doc", "**/*.pod", "language manual"),
    Source("vim-runtime", "usr/share/vim/vim*/doc/*.txt", "editor manual"),
    Source("python3.11-doc", "**/_sources/**/*.rst.txt", "library manual"),
    Source("linux-doc-6.1", "**/Documentation/**/*.rst.gz", "kernel documentation"),
    Source("git-doc", "**/*.txt", "commands and release notes", without=("user-manual",)),
    Source("debian-reference-en", "**/*.en.txt.gz", "handbook"),
    Source("installation-guide-amd64", "**/install.en.txt.gz", "guide"),
    Source("exim4-base", "**/*.txt.gz", "specification"),
    Source("emacs-common", "usr/share/emacs/*/etc/NEWS*", "news"),
    Source("jargon", "**/jargon.info.gz", "dictionary"),
)
_R = "usr/share/R/doc/manual"
HELD_OUT = (
    *TEXTS,
    Text("R-intro", "manual, PDF", "r-doc-pdf", f"{_R}/R-intro.pdf"),
    Text("fhs", "standard, HTML", "debian-policy", "usr/share/doc/debian-policy/fhs/fhs-3.0.html"),
    Text("maint-guide", "guide, TXT", "maint-guide", "usr/share/doc/maint-guide/maint-guide.en.txt.gz"),
)
"""None of their packages' documents is trained on, but git's other texts."""


def training_texts(folder: Path) -> Path:
    """A folder of them, fetched the first time. Exits with a message if they can't be had."""
    done = folder / "complete"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for source in SOURCES:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                _gather(source, unpacked(source.package, Path(scratch)), folder)
        done.touch()
    return folder


def _gather(source: Source, root: Path, folder: Path) -> None:
    files = [file for file in sorted(root.glob(source.pattern)) if not file.name.startswith(source.without or "\0")]
    Random(0).shuffle(files)
    total = 0
    for file in files:
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8", errors="replace")
        if total < MOST and len(text) >= SHORTEST:
            name = "-".join(file.relative_to(root).parts[-2:])
            (folder / f"{source.package}-{name.removesuffix('.gz').removesuffix('.txt')}.txt").write_text(
                text[:LONGEST]
            )
            total += len(text[:LONGEST])


def held_out(tokenizer: PreTrainedTokenizerBase, library: Library, length: int, places: int) -> list[Case]:
    """`places` stretches of `length` tokens of each, spread evenly, fewer of a text that has not so many."""
    found = [_cases(text, token_ids(text, tokenizer, library), length, places) for text in HELD_OUT]
    # The first place of every text before the second, so that what is there early speaks for all texts.
    return [of_text[place] for place in range(places) for of_text in found if place < len(of_text)]


def _cases(text: Text, ids: Tensor, length: int, places: int) -> Sequence[Case]:
    places = min(places, len(ids) // length)
    begins = torch.linspace(0, len(ids) - length, places + 2)[1:-1].long().tolist()
    return [Case(text, place, ids[None, begin : begin + length]) for place, begin in enumerate(begins)]
