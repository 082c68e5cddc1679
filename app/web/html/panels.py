"""Values -> the small pieces of HTML around the draft. Pure; text from files and people is escaped here alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as html_escape

from app.export.table_check import TableReport
from app.prompt.window import Budget, ReadingPlan
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
        f"<p>{escape(message)}</p>{_sections(budget.plan, budget.say) if budget.plan else ''}</div>{said}"
    )


def _sections(plan: ReadingPlan, say: Wording) -> str:
    """What each section is written from: a strip of all that is read with the places in it, and a list that opens."""
    if not plan.sections:
        return ""
    places = "".join(
        f'<i style="left:{100 * start:.2f}%;width:{100 * (end - start):.2f}%" title="{escape(section.heading)}"></i>'
        for section in plan.sections
        for start, end in section.spans
    )
    listed = "".join(
        f"<li>{escape(section.heading)} <small>{escape(say('pages: {}', section.pages))}</small></li>"
        for section in plan.sections
    )
    title = say("What each section is written from")
    return (
        f'<div class="plan-strip" role="img" aria-label="{escape(title)}">{places}</div>'
        f'<details class="plan"><summary>{escape(title)}</summary><ol>{listed}</ol></details>'
    )


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
    """The live figures of a run (`view.status`), as labelled numbers; what is not known yet is a dash."""
    figures = (
        ("tokens/s", _number(numbers["decodeRate"], 1)),
        ("last second", _number(numbers["recentRate"], 1)),
        ("first token", _number(numbers["firstToken"], 1, " s")),
        ("prompt tokens/s", _number(numbers["prefillRate"], 0)),
        ("last step", escape(numbers["lastStep"] or "–")),
        ("steps", escape(numbers["steps"] or "–")),
        ("full step", _number(numbers["fullMilliseconds"], 0, " ms")),
        ("partial step", _number(numbers["partialMilliseconds"], 0, " ms")),
    )
    cells = "".join(f"<div><dt>{say(label)}</dt><dd>{value}</dd></div>" for label, value in figures)
    return f'<dl class="rates">{cells}</dl>'


def model_line(name: str, facts: str) -> str:
    """The line under the title: which model, or how far loading it is."""
    return f'<p class="model"><b>{escape(name)}</b> {escape(facts)}</p>'


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "–" if value is None else f"{value:,.{digits}f}{unit}"
