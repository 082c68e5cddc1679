"""Texts to train on: local files, each a document, as token ids. Of a model nothing but its tokenizer is known here."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import filelock
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..errors import InvalidParameterError

SUFFIXES = (".txt", ".md", ".txt.gz", ".md.gz")
"""Of the files of a folder that are texts. A file that is named itself may have any."""
TOKENS = "tokens.safetensors"
"""In the output folder: the token ids, so that going on need not make them again."""
_DIGEST = "digest"


@dataclass(frozen=True)
class Text:
    """A document, of the file `path`."""

    path: Path
    text: str


@dataclass(frozen=True)
class Documents:
    """The tokens of all documents in a row, int32 `(tokens,)`, and where each ends."""

    ids: Tensor
    ends: tuple[int, ...]

    @property
    def spans(self) -> Iterator[tuple[int, int]]:
        """Begin and end of each."""
        return zip((0, *self.ends[:-1]), self.ends, strict=True)

    @property
    def longest(self) -> int:
        """Tokens of the longest."""
        return max((end - begin for begin, end in self.spans), default=0)


def read_texts(paths: Sequence[str | Path]) -> list[Text]:
    """The texts of files, and of all files below folders that look like texts, in UTF-8, .gz unpacked.

    Raises InvalidParameterError if there is no such file or folder, none in a folder, or one that is no UTF-8 text.
    """
    return [_read(file) for path in paths for file in _files(Path(path).expanduser())]


def digest_of(texts: Sequence[Text], tokenizer: PreTrainedTokenizerBase) -> str:
    """Of what is written in them and how it becomes tokens, in hexadecimal."""
    digest = hashlib.sha256(repr(sorted(tokenizer.get_vocab().items())).encode())
    for text in texts:
        digest.update(hashlib.sha256(text.text.encode()).digest())
    return digest.hexdigest()[:16]


def tokenized(texts: Sequence[Text], tokenizer: PreTrainedTokenizerBase, folder: Path) -> Documents:
    """Their tokens, made once and kept in `folder`. Of several processes one makes them."""
    digest, kept = digest_of(texts, tokenizer), folder / TOKENS
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f"{TOKENS}.lock"):
        if (known := _kept(kept, digest)) is not None:
            return known
        rows: list[list[int]] = [tokenizer(text.text, verbose=False)["input_ids"] for text in texts]
        ends = tuple(accumulate(len(row) for row in rows))
        documents = Documents(torch.tensor([one for row in rows for one in row], dtype=torch.int32), ends)
        part = kept.with_name(f"{TOKENS}.partial")
        save_file({"ids": documents.ids, "ends": torch.tensor(ends)}, part, metadata={_DIGEST: digest})
        part.replace(kept)
        return documents


def _kept(path: Path, digest: str) -> Documents | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get(_DIGEST) != digest:
                return None
            return Documents(file.get_tensor("ids"), tuple(file.get_tensor("ends").tolist()))
    except (OSError, SafetensorError):
        return None


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InvalidParameterError(
            "text-missing",
            "There is no file or folder {path} to train on. Check its spelling; it is looked for from {folder}.",
            path=str(path),
            folder=str(Path.cwd()),
        )
    if not (found := sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES) and file.is_file())):
        raise InvalidParameterError(
            "folder-without-texts",
            "The folder {path} has no file whose name ends in {suffixes}. Name the files themselves if their names end "
            "otherwise.",
            path=str(path),
            suffixes=", ".join(SUFFIXES),
        )
    return found


def _read(path: Path) -> Text:
    try:
        data = path.read_bytes()
        return Text(path, (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8"))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidParameterError(
            "text-unreadable",
            "{path} is no text in UTF-8 that can be read: {reason}. Convert it (iconv -f latin1 -t utf-8), or leave it "
            "out.",
            path=str(path),
            reason=str(error),
        ) from error
