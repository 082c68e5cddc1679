"""What a training is: its settings, and the file beside the weights that says which they were."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

from transformers import PreTrainedConfig

from ..errors import InvalidParameterError
from ..policies import Policy, RefreshKV
from ..policies.checks import check_count
from ..prompt import window_of
from .samples import Cutting

SETTINGS = "training.json"
FULL_RATE, LORA_RATE = 1e-5, 2e-4
"""Learning rates where none is given: of all weights, and of an adapter."""


@dataclass(frozen=True)
class Settings:
    """A training on with a small cache.

    model, revision: as of load_model. texts: files and folders (texts.py). output: the folder that everything is
    written to; with the same settings it is gone on from there.
    policy: chooses the small cache that the last `steps` tokens (S) of a sample attend to, with the K that it has after
    L tokens; None is ordinary attention throughout, the control. prompt: the least and the most L, drawn for each
    sample. continuations: how many of S tokens a sample has, each behind an L of its own (paper: 1); more let one
    reading of a text serve several small caches, and the control, which learns nothing else from them, has the first
    alone. samples: how many in all, None for all that the texts give once. batch: samples of an optimizer step, on all
    devices together; device_batch: of a forward.
    learning_rate: its highest; it rises over the share `warmup` of all steps and falls as a cosine to 0. lora: rank of
    an adapter to all linears but the output head, which alone is trained; 0 trains all weights.
    precision: of activations: bfloat16, float32, or auto for bfloat16 where the device computes in it. checkpointing:
    activations are computed again for the gradient, which takes less memory and a third more time. cpu: even if there
    is a GPU. save_minutes: how often what is needed to go on is written.
    """

    model: str
    texts: tuple[str, ...]
    output: Path
    policy: Policy | None = field(default_factory=RefreshKV.paper)
    prompt: tuple[int, int] = (2000, 4000)
    steps: int = 50
    continuations: int = 1
    samples: int | None = None
    batch: int = 8
    device_batch: int = 1
    learning_rate: float | None = None
    warmup: float = 0.05
    lora: int = 0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    checkpointing: bool = False
    cpu: bool = False
    seed: int = 0
    save_minutes: float = 5.0
    revision: str | None = None

    def __post_init__(self) -> None:
        """Check the ranges. Raises InvalidParameterError."""
        for name, least in (
            ("steps", 1),
            ("continuations", 1),
            ("batch", 1),
            ("device_batch", 1),
            ("lora", 0),
            ("seed", 0),
        ):
            check_count(name, getattr(self, name), least)
        if self.samples is not None:
            check_count("samples", self.samples, 1)
        least, most = self.prompt
        if not 1 <= least <= most:
            raise InvalidParameterError(
                "prompt-range-out-of-range",
                "prompt is {least}-{most}; it is the least and the most tokens before the small cache is chosen, 1 or "
                "more, the least first (2000-4000), or twice the same.",
                least=least,
                most=most,
            )
        if not self.rate > 0 or not 0 <= self.warmup < 1:
            raise InvalidParameterError(
                "learning-rate-out-of-range",
                "learning_rate is {rate} and warmup {warmup}; the rate must be above 0 (usual: {full} for all weights, "
                "{lora} for an adapter), and warmup a share of the steps from 0 up to below 1.",
                rate=self.rate,
                warmup=self.warmup,
                full=FULL_RATE,
                lora=LORA_RATE,
            )

    @property
    def cutting(self) -> Cutting:
        """How texts become samples."""
        return Cutting(*self.prompt, self.steps, self.continuations)

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        usual = LORA_RATE if self.lora else FULL_RATE
        return usual if self.learning_rate is None else self.learning_rate

    def accumulated(self, processes: int) -> int:
        """How many forwards each of `processes` takes for an optimizer step. Raises InvalidParameterError."""
        at_once = self.device_batch * processes
        if self.batch % at_once:
            raise InvalidParameterError(
                "batch-not-divisible",
                "A batch of {batch} samples is not to be shared out over {processes} processes that take {each} at a "
                "time. Give a batch that is a multiple of {at_once}.",
                batch=self.batch,
                processes=processes,
                each=self.device_batch,
                at_once=at_once,
            )
        return self.batch // at_once

    def require_window(self, config: PreTrainedConfig) -> None:
        """Raise InvalidParameterError if a sample is longer than what the model was trained for."""
        window = window_of(config)
        longest = self.prompt[1] + self.steps
        if window is not None and longest > window:
            raise InvalidParameterError(
                "samples-beyond-the-window",
                "A sample has up to {longest:,} tokens ({prompt:,} and {steps:,} that follow), and the model's window "
                "is {window:,}. Lower the prompt's length.",
                longest=longest,
                prompt=self.prompt[1],
                steps=self.steps,
                window=window,
            )

    def described(self, digest: str) -> dict[str, Any]:
        """What the weights depend on, for JSON; `digest` is that of the texts."""
        return {
            "model": self.model,
            "revision": self.revision,
            "texts": digest,
            "attention": "full" if self.policy is None else repr(self.policy),
            "prompt": list(self.prompt),
            "steps": self.steps,
            "continuations": self.continuations,
            "samples": self.samples,
            "batch": self.batch,
            "learning_rate": self.rate,
            "warmup": self.warmup,
            "lora": self.lora,
            "seed": self.seed,
        }


def is_finished(output: Path, described: dict[str, Any]) -> bool:
    """Whether the training that `described` says is done in `output`.

    Raises InvalidParameterError if the folder holds a training with other settings, or something else.
    """
    file = output / SETTINGS
    known = _known(file)
    if known is None:
        if output.is_dir() and any(not one.name.startswith(("tokens.", SETTINGS)) for one in output.iterdir()):
            raise InvalidParameterError(
                "output-not-empty",
                "The folder {folder} holds other files and no {file}, so it is no training to go on with. Give a "
                "new folder.",
                folder=str(output),
                file=SETTINGS,
            )
        return False
    for name, value in described.items():
        if known.get(name) != value:
            raise InvalidParameterError(
                "output-of-other-settings",
                "The folder {folder} holds a training whose {name} is {theirs}, and this one's is {ours}. Give the "
                "same settings to go on with it, or a new folder.",
                folder=str(output),
                name=name,
                theirs=repr(known.get(name)),
                ours=repr(value),
            )
    return bool(known.get("finished"))


def make_folder(output: Path) -> None:
    """Make the output folder. Raises InvalidParameterError if nothing can be written there."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise InvalidParameterError(
            "training-folder-unwritable",
            "Nothing can be written to {folder}: {reason}. Give a folder as output that is there or can be made.",
            folder=str(output),
            reason=error.strerror or str(error),
        ) from error


def note(output: Path, described: dict[str, Any], **more: Any) -> None:
    """Write the settings, and what `more` there is to say, beside the weights."""
    part = output / f"{SETTINGS}.partial"
    part.write_text(json.dumps(described | more, indent=1))
    part.replace(output / SETTINGS)


def _known(file: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return known
    except (OSError, ValueError):
        return None
