"""A model of the Hugging Face Hub as a folder: its files fetched with progress, and what goes wrong said in words.

They stay in the Hub's own cache, from which they are taken where the Hub is out of reach.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import tqdm as hub_tqdm

from .default_model import EMBEDDED_NAME, LoadProgress
from .errors import LoadingError
from .statement import Statement

SETTINGS = ["*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken"]
"""Patterns of the files that say how a model and its tokenizer are made."""

SAFETENSORS = ["model.safetensors", "model-*-of-*.safetensors", "adapter_model.safetensors"]
PICKLES = ["pytorch_model.bin", "pytorch_model-*-of-*.bin", "adapter_model.bin"]
"""Patterns of weights, as transformers looks for them. Other files hold them once more, in other forms."""


def downloaded(name: str, revision: str | None, token: str | bool | None, progress: LoadProgress) -> Path:
    """The folder of the model `name` ("owner/model") in the Hub's cache, its files fetched where they are missing.

    `revision`: a branch, tag or commit; None is the main branch. `token`: of an account; None takes HF_TOKEN or what
    `hf auth login` has stored, False none. `progress` counts bytes; the total grows while files are still to begin.

    Raises LoadingError if the model is gated, private, not there or no transformers model, has no such revision, or is
    neither in reach nor in the cache.
    """
    progress(Statement("looking-up-model", "looking {name} up on the Hugging Face Hub", name=name), 0, 0)
    bars = _bars(Statement("downloading-model", "downloading {name}", name=name), progress)
    with _explained(name, revision):
        for weights in (SAFETENSORS, PICKLES):
            folder = Path(
                snapshot_download(
                    name,
                    revision=revision,
                    token=token,
                    allow_patterns=[*SETTINGS, *weights],
                    ignore_patterns=["*/*"],  # checkpoints of the training, and weights for other programs
                    tqdm_class=bars,
                )
            )
            if any(folder.glob("*.safetensors")):
                break
    if not (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file():
        raise LoadingError(
            "hub-model-without-config",
            "{name!r} on the Hugging Face Hub has no config.json, so it is not a model as transformers reads it. If "
            "{page} offers a .gguf file, download that and give its path.",
            name=name,
            page=_page(name),
        )
    return folder


def _page(name: str) -> str:
    return f"{constants.ENDPOINT}/{name}"


def _bars(what: Statement, progress: LoadProgress) -> type[hub_tqdm]:
    """What the Hub's client makes its progress bars of. It draws nothing and reports the bytes of all files."""

    class Bar(hub_tqdm):
        monitor_interval = 0  # no thread that watches over it

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            name, unit = kwargs.pop("name", None) or "", kwargs.get("unit")
            # Bytes written to disk; those of the network are counted in a bar of their own, and files in a third.
            self.counts_bytes = unit == "B" and not name.endswith(".transfer")
            # Past the Hub's own class, which counts nothing where bars are switched off or there is no terminal.
            super(hub_tqdm, self).__init__(*args, **{**kwargs, "disable": False, "file": io.StringIO()})

        def refresh(self, *args: Any, **kwargs: Any) -> None:
            if self.counts_bytes and self.total:
                with self.get_lock():  # files are fetched in several threads
                    progress(what, int(self.n), int(self.total))

        def display(self, *args: Any, **kwargs: Any) -> None:
            """Nothing is drawn."""

    return Bar


@contextmanager
def _explained(name: str, revision: str | None) -> Iterator[None]:
    """Turn what the Hub's client raises into a LoadingError that names the way out; the rest passes."""
    try:
        yield
    except (HTTPError, OSError) as error:
        # Where the Hub answers with a failure its client looks into its cache, and then says what is missing there.
        missing = isinstance(error, LocalEntryNotFoundError)
        answer = error.__cause__ if missing and isinstance(error.__cause__, HfHubHTTPError) else error
        if isinstance(answer, GatedRepoError):
            raise LoadingError(
                "hub-model-gated",
                "{name!r} is gated: its owners grant access to each account. Ask for it at {page}; when it is granted, "
                "log in with `hf auth login`, or pass the account's token with token= or the environment variable "
                "HF_TOKEN.",
                name=name,
                page=_page(name),
            ) from error
        if isinstance(answer, RevisionNotFoundError):
            raise LoadingError(
                "hub-revision-missing",
                "{name!r} has no revision {revision!r}. Give a branch, tag or commit that {page}/tree/main offers, or "
                "leave revision out for the main branch.",
                name=name,
                revision=revision or constants.DEFAULT_REVISION,
                page=_page(name),
            ) from error
        if isinstance(answer, RepositoryNotFoundError):
            raise LoadingError(
                "hub-model-missing",
                "There is no folder {name!r} here, and on the Hugging Face Hub no model of that name that this account "
                "may read. Check the spelling at {page}; for a private model log in with `hf auth login`, or pass "
                "token=.",
                name=name,
                page=_page(name),
            ) from error
        if isinstance(answer, HfHubHTTPError):
            raise LoadingError(
                "hub-refused",
                "The Hugging Face Hub refused {name!r}: {reason}. If the token is old or lacks the right to read, log "
                "in with `hf auth login` again, or pass another token=; else try again later.",
                name=name,
                reason=_reason(answer),
            ) from error
        if isinstance(answer, HTTPError | LocalEntryNotFoundError | FileMetadataError | ConnectionError | TimeoutError):
            raise LoadingError(
                "hub-unreachable",
                "{name!r} could not be loaded: there is no folder of that name here, it is not in the Hub's cache, and "
                "the Hub is out of reach ({reason}). Check the network and proxy, and HF_HUB_OFFLINE. {embedded!r} "
                "needs no access to the Hub.",
                name=name,
                reason=_reason(error.__cause__ or error),
                embedded=EMBEDDED_NAME,
            ) from error
        raise LoadingError(
            "hub-cache-unwritable",
            "{name!r} could not be kept in {folder}: {reason}. Make room or make it writable, or choose another place "
            "with the environment variable HF_HOME.",
            name=name,
            folder=str(constants.HF_HUB_CACHE),
            reason=_reason(error),
        ) from error


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
