"""Values -> the small pieces of HTML around the draft. Pure; text from files and people is escaped here alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as html_escape

from app.export.table_check import TableReport
from app.prompt.window import Budget
from app.runs.feed import Json
from app.say.wording import ENGLISH, Wording
from app.text.diff import Change

_TEMPLATE_CHARACTERS = {ord(c): f"&#{ord(c)};" for c in "${}`\\"}


def escape(text: str) -> str:
    """`text` as HTML that shows it, and that means nothing to Gradio's templates either (`${…}`, `{{…}}`)."""
    return html_escape(text).translate(_TEMPLATE_CHARACTERS)


def changes(found: Sequence[Change]) -> str:
    """A text with what was deleted and inserted in it."""
    tags = {"equal": "span", "insert": "ins", "delete": "del"}
    text = "".join(f"<{tags[change.kind]}>{escape(change.text)}</{tags[change.kind]}>" for change in found)
    return f'<div class="changes">{text}</div>'


def window_bar(budget: Budget, going_on: str = "", message: str = "") -> str:
    """Documents, instruction, draft and answer against the model's window, as a bar and in the words of the budget, or
    `message`.

    `going_on`: whether going on from the draft fits, as a sentence.
    """
    parts = (
        ("documents", budget.source_tokens),
        ("instruction", budget.instruction),
        ("draft", budget.draft),
        ("answer", budget.output),
    )
    scale = 100 / max(budget.total, budget.window)
    shown = [(name, tokens) for name, tokens in parts if tokens or name != "draft"]
    bar = "".join(f'<i class="{name}" style="width:{tokens * scale:.2f}%"></i>' for name, tokens in shown)
    legend = " · ".join(f"{budget.say(name)} {tokens:,}" for name, tokens in shown)
    state = "over" if budget.excess > 0 else "fits"
    said = f'<p class="going-on">{escape(going_on)}</p>' if going_on else ""
    message = message or (budget.say("Write: {}", budget.message) if going_on else budget.message)
    return (
        f'<div class="window {state}"><div class="bar">{bar}</div><small>{legend}</small>'
        f"<p>{escape(message)}</p></div>{said}"
    )


def ways(sentences: Sequence[str]) -> str:
    """What each way takes, under the choice between them."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def progress(fraction: float | None, text: str) -> str:
    """A progress line; without a fraction only its words."""
    bar = ""
    if fraction is not None:
        percent = round(100 * fraction)
        bar = (
            f'<div class="bar" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" aria-valuemax="100">'
            f'<i class="documents" style="width:{percent}%"></i></div>'
        )
    return f'<div class="progress">{bar}<p>{escape(text)}</p></div>'


def notice(text: str) -> str:
    """Something that went wrong, with its way out."""
    return f'<div class="progress"><p class="notice" role="alert">{escape(text)}</p></div>'


def table_check(report: TableReport, say: Wording = ENGLISH) -> str:
    """What is wrong with a table, and what is put right in exports."""
    if not report.problems and not report.repairs:
        rows = len(report.rows) - 1
        return progress(
            None,
            say.count(
                rows,
                "The table is as asked for: {:,} row below its head.",
                "The table is as asked for: {:,} rows below its head.",
            ),
        )
    groups = (
        (say("Look at this in the table:"), report.problems),
        (say("Put right where it is exported:"), report.repairs),
    )
    shown = [
        f"<p>{title}</p><ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"
        for title, sentences in groups
        if sentences
    ]
    return f'<div class="progress">{"".join(shown)}</div>'


def rates(numbers: Json, say: Wording = ENGLISH) -> str:
    """The live figures of a run (`run_lines.status`): how fast it writes, and as labelled numbers the others; what is
    not known yet is a dash."""
    figures = (
        ("last second", _number(numbers["recentRate"], 1)),
        ("first token", _number(numbers["firstToken"], 1, " s")),
        ("prompt tokens/s", _number(numbers["prefillRate"], 0)),
        ("last step", escape(numbers["lastStep"] or "–")),
        ("steps", escape(numbers["steps"] or "–")),
        *((label, _number(milliseconds, 0, " ms")) for label, milliseconds in numbers["times"]),
    )
    cells = "".join(f"<div><dt>{say(label)}</dt><dd>{value}</dd></div>" for label, value in figures)
    rate = f'<span class="rate"><b>{_number(numbers["decodeRate"], 1)}</b> {say("tokens/s")}</span>'
    return f'{rate}<dl class="rates">{cells}</dl>'


def model_line(name: str, state: str, facts: str) -> str:
    """Which model writes and what it is doing, if anything; its facts open."""
    doing = f" <span>{escape(state)}</span>" if state else ""
    return f'<details class="model"><summary><b>{escape(name)}</b>{doing}</summary><p>{escape(facts)}</p></details>'


_CURRENT = ' aria-current="step"'


def steps(documents: bool, asked: bool, say: Wording = ENGLISH) -> str:
    """The way to a first text, with what is done of it: whether there are documents, and whether it was said what to
    write."""
    way = ((say("Add documents"), documents), (say("Say what to write"), asked), (say("Press Write"), False))
    current = next(place for place, (_, done) in enumerate(way) if not done)
    tick = f'<b class="tick" role="img" aria-label="{escape(say("done"))}">✓</b>'
    items = "".join(
        f"<li{_CURRENT * (place == current)}>{tick if done else f'<b>{place + 1}</b>'} {text}</li>"
        for place, (text, done) in enumerate(way)
    )
    return f'<ol class="steps" role="list">{items}</ol>'


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "–" if value is None else f"{value:,.{digits}f}{unit}"
