"""A model's name -> where its files are: the embedded one, a folder, a .gguf file, or a model of the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .default_model import EMBEDDED_NAME, LoadProgress, converted_gguf, embedded_model
from .errors import InvalidParameterError, LoadingError, PolicyInactiveError, lacks_memory
from .hub import downloaded
from .statement import Statement


class ModelFiles(NamedTuple):
    """Where a model's files are."""

    location: str
    """A folder: what `from_pretrained` takes."""
    remedy: Statement
    """What to do when loading from it fails."""


def find_model(
    name: str, revision: str | None, token: str | bool | None, cache: Path, progress: LoadProgress
) -> ModelFiles:
    """Those of a model's `name`, as `load_model` takes it; they are fetched or converted if they are not there. Raises
    InvalidParameterError for a revision of a local model, LoadingError if there is no such model."""
    source = _on_this_computer(name, cache, progress)
    if source is None:
        return _of_the_hub(name, revision, token, progress)
    if revision is not None:
        raise InvalidParameterError(
            "revision-of-a-local-model",
            "revision={revision!r} is for models of the Hugging Face Hub, and {name!r} is on this computer. Leave it "
            "out, or give the hub id.",
            revision=revision,
            name=name,
        )
    return source


def _on_this_computer(name: str, cache: Path, progress: LoadProgress) -> ModelFiles | None:
    """None if it is neither the embedded model nor a path, and so can only be a hub id."""
    if name == EMBEDDED_NAME:
        return _prepared(embedded_model(cache, progress))
    path = Path(name).expanduser()
    if path.suffix.lower() == ".gguf":
        if not path.is_file():
            raise LoadingError(
                "file-missing",
                "There is no file {file}. Check the path of the .gguf file.",
                file=str(path.absolute()),
            )
        return _prepared(converted_gguf(path, cache, progress))
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise LoadingError(
                "folder-without-config",
                "The folder {folder} has no config.json, so it is not a model as save_pretrained writes it. Give the "
                "folder that has one, or the path of a .gguf file.",
                folder=str(path.absolute()),
            )
        remedy = Statement(
            "check-folder",
            "Check that {folder} holds all files of a causal language model.",
            folder=str(path.absolute()),
        )
        return ModelFiles(str(path), remedy)
    if path.exists() or path.is_absolute() or name.startswith((".", "~")):
        raise LoadingError(
            "path-without-model", "{name!r} is neither a folder nor a .gguf file. Check the path.", name=name
        )
    return None


def _of_the_hub(name: str, revision: str | None, token: str | bool | None, progress: LoadProgress) -> ModelFiles:
    remedy = Statement(
        "check-hub-id",
        "There is no folder of that name here; if it is a hub id, check its spelling, the network and your access. "
        "{embedded!r} needs no access to the Hub.",
        embedded=EMBEDDED_NAME,
    )
    with explained(name, remedy):
        folder = downloaded(name, revision, token, progress)
    remedy = Statement(
        "check-hub-model",
        "Check on its page on the Hugging Face Hub that it is a causal language model, and that this version of "
        "transformers knows it. Its files are in {folder}.",
        folder=str(folder),
    )
    return ModelFiles(str(folder), remedy)


def _prepared(folder: Path) -> ModelFiles:
    remedy = Statement(
        "delete-prepared-folder",
        "Delete the folder {folder} and load again to have it made anew.",
        folder=str(folder),
    )
    return ModelFiles(str(folder), remedy)


@contextmanager
def explained(name: str, remedy: Statement) -> Iterator[None]:
    """Turn whatever loading raises, of dozens of types, into a LoadingError that names the model and the way out."""
    try:
        yield
    except (LoadingError, PolicyInactiveError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        if lacks_memory(error):
            raise LoadingError(
                "loading-memory",
                "{name!r} does not fit into the memory that is free: {reason}. Close other programs, load it with "
                "quantization='int4' or 'nf4', or choose a smaller model.",
                name=name,
                reason=reason,
            ) from error
        raise LoadingError(
            "loading-failed",
            "{name!r} could not be loaded: {reason}. {remedy}",
            name=name,
            reason=reason,
            remedy=remedy,
        ) from error
