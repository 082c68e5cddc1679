"""A comparison of methods as HTML: a column a method, and a table of figures. Pure; all text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.engine.statistics import RunStatistics
from app.methods import STEP_WORDS, kind_of
from app.project.comparison import Comparison, Trial
from app.say.wording import ENGLISH, Wording
from app.text.diff import Change
from app.web.html.panels import escape

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
    """A line of the table. `better` chooses among the numbers: max, min, or None where no value is the better one.
    divided: it means something only of a method whose steps are full or partial."""

    title: str
    number: Callable[[RunStatistics], float | None]
    shown: Callable[[float], str]
    better: Callable[[Sequence[float]], float] | None = None
    divided: bool = False

    def of(self, trial: Trial) -> float | None:
        """Its number; None if it is not known, or means nothing."""
        said = not self.divided or STEP_WORDS[kind_of(trial.spec.request.policy)].divided
        return self.number(trial.statistics) if said else None


_ROWS = (
    _Row("Tokens per second", lambda figures: figures.decode_rate, lambda value: f"{value:,.1f}", max),
    _Row("Time to first token", lambda figures: figures.first_token, lambda value: f"{value:,.2f} s", min),
    _Row("Memory of keys and values", lambda figures: figures.cache_bytes, lambda value: f"{value / 1e6:,.1f} MB", min),
    _Row("Tokens written", lambda figures: figures.tokens or None, lambda value: f"{value:,.0f}"),
    _Row(
        "Full steps",
        lambda figures: figures.full_steps if figures.tokens else None,
        lambda value: f"{value:,.0f}",
        divided=True,
    ),
    _Row(
        "Partial steps",
        lambda figures: figures.partial_steps if figures.tokens else None,
        lambda value: f"{value:,.0f}",
        divided=True,
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
    trials = comparison.trials
    columns = "".join(_column(trial, trials, say) for trial in trials)
    lines = [_reading(comparison, say)]
    if any(len(trial.changes) > 1 for trial in trials):
        name = say(trials[0].name)
        lines.append(say("Underlined: what {0} does not have; under {0}, what another does not have.", name))
    if comparison.done and all(trial.statistics.tokens for trial in trials):
        lines.append(say("Each is among the runs that the map shows."))
    return (
        f'<div class="comparison" style="--methods:{len(trials)}"><p class="fair">{escape(say.together(*lines))}</p>'
        f'<div class="methods">{columns}</div>{_table(trials, say)}</div>'
    )


def _reading(comparison: Comparison, say: Wording) -> str:
    """How it is made fair, in a sentence, with what the common reading of the prompt took."""
    reading = comparison.reading
    figures = reading.statistics
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


def _column(trial: Trial, trials: Sequence[Trial], say: Wording) -> str:
    """What a method wrote. What differs is marked in its own words: what another wrote stands beside it."""
    state, first = trial.state, trials[0]
    said = f'<p class="notice" role="alert">{escape(trial.message.worded(say))}</p>' if trial.message else ""
    agreement = ""
    if trial.changes:
        agreement = f'<p class="agreement">{escape(_agreement(trial.changes, say(first.name), say))}</p>'
        pieces = [(change.text, change.kind == "insert") for change in trial.changes if change.kind != "delete"]
    else:
        pieces = _lacking(trial.text, [other.changes for other in trials]) if trial is first else [(trial.text, False)]
    text = "".join(f"<mark>{escape(text)}</mark>" if marked else escape(text) for text, marked in pieces)
    return (
        f'<section class="method {state}"><h3>{escape(say(trial.name))}</h3><p class="state">{say(_STATES[state])}</p>'
        f'{said}{agreement}<div class="changes">{text}</div></section>'
    )


def _lacking(text: str, changes: Sequence[Sequence[Change]]) -> list[tuple[str, bool]]:
    """`text` in pieces, and of each whether one of those that it was changed into lacks it."""
    lacks = [False] * len(text)
    for found in changes:
        at = 0
        for change in found:
            end = at if change.kind == "insert" else at + len(change.text)
            if change.kind == "delete":
                lacks[at:end] = [True] * (end - at)
            at = end
    grouped = groupby(zip(text, lacks, strict=True), key=lambda pair: pair[1])
    return [("".join(character for character, _ in pairs), lacking) for lacking, pairs in grouped]


def _agreement(changes: Sequence[Change], name: str, say: Wording) -> str:
    """How long both texts are the same, and how much they share in all."""
    written = sum(_words(change.text) for change in changes if change.kind != "delete")
    same = sum(_words(change.text) for change in changes if change.kind == "equal")
    if same == written and len(changes) == 1:
        return say("Word for word the same as {}.", name)
    start = _words(changes[0].text) if changes[0].kind == "equal" else 0
    if not start:
        return say("Other than {} from the first word on; of all {:,} words it shares {:,}.", name, written, same)
    return say.count(
        start,
        "The first word is that of {1}; of all {2:,} words it shares {3:,}.",
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
    numbers = [row.of(trial) for trial in trials]
    shown = ["–" if number is None else row.shown(number) for number in numbers]
    known = [number for number in numbers if number is not None]
    complete = len(known) == len(trials) and all(trial.over for trial in trials)
    best = row.shown(row.better(known)) if row.better and complete and len(set(shown)) > 1 else None
    return "".join(
        f'<td class="best">{value}<span role="img" aria-label="{say("better")}">✓</span></td>'
        if value == best
        else f"<td>{value}</td>"
        for value in shown
    )
