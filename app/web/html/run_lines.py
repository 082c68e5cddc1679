"""What a run does, as lines and figures for the page. Pure."""

from __future__ import annotations

from app.engine.statistics import RunStatistics
from app.runs.feed import Json
from app.say.wording import ENGLISH, Wording


def status(statistics: RunStatistics, say: Wording = ENGLISH) -> Json:
    """The live figures; None for those that are not known yet."""
    return {
        "decodeRate": statistics.decode_rate,
        "recentRate": statistics.recent_rate,
        "firstToken": statistics.first_token,
        "prefillRate": statistics.prefill_rate,
        "lastStep": statistics.last_step_in(say),
        "steps": statistics.steps_in(say),
        "fullMilliseconds": statistics.full_milliseconds,
        "partialMilliseconds": statistics.partial_milliseconds,
    }


def already_read(document_tokens: int, say: Wording = ENGLISH) -> str:
    """How much of the documents an earlier run has read, as a sentence; empty if nothing."""
    if document_tokens < 1:
        return ""
    return say.count(
        document_tokens,
        "{:,} token of the documents was already read.",
        "{:,} tokens of the documents were already read.",
    )


def prefill_progress(
    done: int,
    total: int,
    elapsed_seconds: float,
    recent_rate: float | None = None,
    reused: int = 0,
    say: Wording = ENGLISH,
) -> tuple[float, str]:
    """The fraction of the prompt that is read, and the line that says so with the seconds that remain.

    Of the `done` tokens `reused` were there when the run began. Later chunks attend to more and take longer, so the
    rest is estimated from `recent_rate` (tokens per second) where it is known, else from the mean over
    `elapsed_seconds`.
    """
    fraction = done / total if total else 1.0
    text = say("Reading the document: {:,} of {:,} tokens ({}%)", done, total, int(100 * fraction))
    rate = recent_rate or _rate(done - reused, elapsed_seconds)
    if rate is None or done >= total:
        return fraction, text
    return fraction, say("{}, about {} left", text, _duration((total - done) / rate, say))


def _duration(seconds: float, say: Wording) -> str:
    whole = max(1, round(seconds))
    return say("{} s", whole) if whole < 60 else say("{} min {:02d} s", whole // 60, whole % 60)


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None
