"""A comparison of methods as HTML: a column a method, and a table of figures. Pure; all text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.compare import Comparison, Figures, Trial
from app.panels import escape
from app.store.diff import Change
from app.wording import ENGLISH, Wording

_STATES = {
    "planned": "Its turn comes.",
    "waiting": "Waiting in the queue.",
    "running": "Writing.",
    "finished": "Finished.",
    "stopped": "Stopped.",
    "failed": "Failed.",
}


@dataclass(frozen=True)
class _Row:
    """A line of the table. `better` chooses among the numbers: max, min, or None where no value is the better one."""

    title: str
    number: Callable[[Figures], float | None]
    shown: Callable[[float], str]
    better: Callable[[Sequence[float]], float] | None = None


_ROWS = (
    _Row("Tokens per second", lambda figures: figures.rate, lambda value: f"{value:,.1f}", max),
    _Row("Time to first token", lambda figures: figures.first_token, lambda value: f"{value:,.2f} s", min),
    _Row("Memory of keys and values", lambda figures: figures.cache_bytes, lambda value: f"{value / 1e6:,.1f} MB", min),
    _Row("Tokens written", lambda figures: figures.tokens or None, lambda value: f"{value:,.0f}"),
    _Row("Full steps", lambda figures: figures.full_steps if figures.tokens else None, lambda value: f"{value:,.0f}"),
    _Row(
        "Partial steps",
        lambda figures: figures.partial_steps if figures.tokens else None,
        lambda value: f"{value:,.0f}",
    ),
    _Row(
        "Prompt tokens read anew",
        lambda figures: None if figures.reused is None else figures.prompt_tokens - figures.reused,
        lambda value: f"{value:,.0f}",
    ),
    _Row("Time to read them", lambda figures: figures.prefill_seconds, lambda value: f"{value:,.2f} s"),
)


def comparison_html(comparison: Comparison, say: Wording = ENGLISH) -> str:
    """All of it as it is now: what is under way, the texts side by side, the figures."""
    columns = "".join(
        _column(trial, comparison.trials[0] if index else None, say) for index, trial in enumerate(comparison.trials)
    )
    return (
        f'<div class="comparison"><p class="fair">{escape(_reading(comparison, say))}</p>'
        f'<div class="methods">{columns}</div>{_table(comparison.trials, say)}</div>'
    )


def _reading(comparison: Comparison, say: Wording) -> str:
    """How it is made fair, in a sentence, with what the common reading of the prompt took."""
    reading = comparison.reading
    figures = reading.figures
    if reading.state in ("failed", "stopped"):
        return say("The prompt was not read to its end, so nothing was compared.")
    if reading.state != "finished":
        return say("Reading the prompt once, for all methods: each then starts from what was read.")
    new = figures.prompt_tokens - (figures.reused or 0)
    return say(
        "The prompt was read once before ({:,} of {:,} tokens were new, {:,.1f} s); each method starts from that, "
        "with the same seed.",
        new, figures.prompt_tokens, figures.prefill_seconds or 0.0,
    )  # fmt: skip


def _column(trial: Trial, first: Trial | None, say: Wording) -> str:
    state = trial.state
    said = f'<p class="notice" role="alert">{escape(trial.message.worded(say))}</p>' if trial.message else ""
    if first is not None and trial.changes:
        name = say(first.name)
        legend = say("Underlined: only here. Struck through: only in {}.", name) if len(trial.changes) > 1 else ""
        text, note = _marked(trial.changes), say.together(_agreement(trial.changes, name, say), legend)
    else:
        text, note = escape(trial.text), ""
    agreement = f'<p class="agreement">{escape(note)}</p>' if note else ""
    return (
        f'<section class="method {state}"><h3>{escape(say(trial.name))}</h3><p class="state">{say(_STATES[state])}</p>'
        f'{said}{agreement}<div class="changes">{text}</div></section>'
    )


def _marked(changes: Sequence[Change]) -> str:
    tags = {"equal": "span", "insert": "ins", "delete": "del"}
    return "".join(f"<{tags[change.kind]}>{escape(change.text)}</{tags[change.kind]}>" for change in changes)


def _agreement(changes: Sequence[Change], name: str, say: Wording) -> str:
    """How long both texts are the same, and how much they share in all."""
    written = sum(_words(change.text) for change in changes if change.kind != "delete")
    same = sum(_words(change.text) for change in changes if change.kind == "equal")
    if same == written and len(changes) == 1:
        return say("Word for word the same as {}.", name)
    start = _words(changes[0].text) if changes[0].kind == "equal" else 0
    return say.count(
        start,
        "The first {:,} word is that of {}; of all {:,} words it shares {:,}.",
        "The first {:,} words are those of {}; of all {:,} words it shares {:,}.",
        name, written, same,
    )  # fmt: skip


def _words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _table(trials: Sequence[Trial], say: Wording) -> str:
    heads = "".join(f'<th scope="col">{escape(say(trial.name))}</th>' for trial in trials)
    rows = "".join(f'<tr><th scope="row">{say(row.title)}</th>{_cells(row, trials, say)}</tr>' for row in _ROWS)
    return (
        f'<div class="figures"><table><caption>{say("Figures (✓: the better one)")}</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(row: _Row, trials: Sequence[Trial], say: Wording) -> str:
    """The values of a row. What is better is said only once all are there and differ as they are shown."""
    numbers = [row.number(trial.figures) for trial in trials]
    shown = ["–" if number is None else row.shown(number) for number in numbers]
    known = [number for number in numbers if number is not None]
    complete = len(known) == len(trials) and all(trial.over for trial in trials)
    best = row.shown(row.better(known)) if row.better and complete and len(set(shown)) > 1 else None
    return "".join(
        f'<td class="best">{value} <span aria-label="{say("better")}">✓</span></td>'
        if value == best
        else f"<td>{value}</td>"
        for value in shown
    )
