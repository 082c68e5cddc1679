"""What is said, drawn and kept while a training runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..statement import Statement
from .curve import curve

CURVE = "loss.svg"
SECONDS = 10
"""Between two drawings of the curve."""

Report: TypeAlias = Callable[[Statement], None]
"""Called with what is being done."""


class Progress(TrainerCallback):
    """Tells how far it is and how long it takes yet, draws the curve, and has checkpoints written by the clock."""

    def __init__(self, report: Report, output: Path, save_minutes: float) -> None:
        """Of a training into `output`."""
        self._report, self._output, self._seconds = report, output, 60 * save_minutes
        self._begun = self._saved = monotonic()
        self._drawn = 0.0
        self._first = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Time is counted from here on, not with what was done before."""
        self._begun = self._saved = monotonic()
        self._first = state.global_step

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """All processes go by the clock of the first, since all must save together."""
        due = [monotonic() - self._saved >= self._seconds]
        if args.world_size > 1:
            broadcast_object_list(due)
        control.should_save = due[0] and state.global_step < state.max_steps
        if control.should_save:
            self._saved = monotonic()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """After each optimizer step."""
        losses = [(int(row["step"]), float(row["loss"])) for row in state.log_history if "loss" in row]
        if not state.is_world_process_zero or "loss" not in (kwargs.get("logs") or {}) or not losses:
            return
        if monotonic() - self._drawn >= SECONDS or state.global_step == state.max_steps:
            (self._output / CURVE).write_text(curve(losses))
            self._drawn = monotonic()
        each = (monotonic() - self._begun) / max(1, state.global_step - self._first)
        self._report(
            Statement(
                "training-step",
                "step {step} of {steps}: loss {loss:.4f}, {seconds:.1f} s a step, {left} left",
                step=state.global_step,
                steps=state.max_steps,
                loss=losses[-1][1],
                seconds=each,
                left=_duration(each * (state.max_steps - state.global_step)),
            )
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
