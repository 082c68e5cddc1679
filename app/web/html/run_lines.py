"""What a run does, as lines and figures for the page. Pure."""

from __future__ import annotations

from app.engine.statistics import RunStatistics
from app.methods import STEP_WORDS, Kind
from app.project.long_reading import LongReading, Way
from app.runs.feed import Json
from app.say.wording import ENGLISH, Wording


def status(statistics: RunStatistics, say: Wording = ENGLISH, kind: Kind = "refreshed") -> Json:
    """The live figures of a run by a method of that kind; None for those that are not known yet. `times`:
    milliseconds of a step, by what such steps are called."""
    return {
        "decodeRate": statistics.decode_rate,
        "recentRate": statistics.recent_rate,
        "firstToken": statistics.first_token,
        "prefillRate": statistics.prefill_rate,
        "lastStep": last_step(statistics, say, kind),
        "steps": steps(statistics, say, kind),
        "times": _times(statistics, kind),
    }


def last_step(statistics: RunStatistics, say: Wording = ENGLISH, kind: Kind = "refreshed") -> str | None:
    """What the latest decode step was: "full", "partial" or "mixed, 12 of 30 layers full"."""
    last, words = statistics.last, STEP_WORDS[kind]
    if last is None or last.step == 0:
        return None
    patterns = {"full": words.full, "mixed": words.mixed, "partial": words.partial}
    return say(patterns[statistics.kind(last)], last.full_layers, statistics.layers)


def steps(statistics: RunStatistics, say: Wording = ENGLISH, kind: Kind = "refreshed") -> str | None:
    """How many steps were of which sort: "12 full, 108 partial (10% full)"."""
    if not statistics.decode_steps:
        return None
    full, partial = statistics.full_steps, statistics.partial_steps
    return say(STEP_WORDS[kind].count, full, partial, full / (full + partial), full + partial)


def _times(statistics: RunStatistics, kind: Kind) -> list[tuple[str, float | None]]:
    if STEP_WORDS[kind].timed_apart:
        return [("full step", statistics.full_milliseconds), ("partial step", statistics.partial_milliseconds)]
    return [("a step", statistics.step_milliseconds)]


def already_read(document_tokens: int, say: Wording = ENGLISH) -> str:
    """How much of the documents an earlier run has read, as a sentence; empty if nothing."""
    if document_tokens < 1:
        return ""
    return say.count(
        document_tokens,
        "{:,} token of the documents was already read.",
        "{:,} tokens of the documents were already read.",
    )


def prefill_progress(statistics: RunStatistics, say: Wording = ENGLISH) -> tuple[float, str]:
    """The fraction of the prompt that is read, and the line that says so with the seconds that remain.

    Later chunks attend to more and take longer, so the rest is estimated from the rate of the latest chunks where it is
    known, else from the mean since the run began.
    """
    progress = statistics.progress
    done, total = (progress.done, progress.total) if progress else (0, statistics.prompt_tokens)
    fraction = done / total if total else 1.0
    text = say("Reading the document: {:,} of {:,} tokens ({}%)", done, total, int(100 * fraction))
    new, seconds = done - (statistics.reused or 0), statistics.reading_seconds
    rate = statistics.recent_prefill_rate or (new / seconds if new and seconds > 0 else None)
    if rate is None or done >= total:
        return fraction, text
    return fraction, say("{}, about {} left", text, _duration((total - done) / rate, say))


def waiting(ahead: int, seconds: float | None, say: Wording = ENGLISH) -> str:
    """How many runs are before one that waits, and how long that takes if it is known."""
    if not ahead:
        return say("Starting.")
    if seconds is None:
        return say("Waiting: {} before you.", ahead)
    tens, minutes = 10 * max(1, round(seconds / 10)), max(1, round(seconds / 60))
    if tens < 60:
        about = say("about {} seconds", tens)
    else:
        about = say.count(minutes, "about {:,} minute", "about {:,} minutes")
    return say("Waiting: {} before you, {}.", ahead, about)


def long_reading(found: LongReading, say: Wording = ENGLISH) -> tuple[str, str]:
    """What it takes to read documents by parts, and as one, or why they cannot be read so."""
    parts, one = found.parts, found.one
    if isinstance(parts, Way):
        taken = parts.tokens, _duration(parts.seconds.total, say), _gigabytes(parts)
        by_parts = say("By parts: {:,} tokens at once at most, about {}, {} GB of memory.", *taken)
    else:
        by_parts = say("By parts: {}", parts)
    if not isinstance(one, Way):
        return by_parts, say("As one: {}", one)
    reading, writing = (_duration(seconds, say) for seconds in (one.seconds.reading, one.seconds.writing))
    pattern = "As one: {:,} tokens, about {} to read them the first time and {} to write, {} GB of memory."
    return by_parts, say(pattern, one.tokens, reading, writing, _gigabytes(one))


def _gigabytes(way: Way) -> str:
    """Never nothing: a small prompt takes a little too."""
    return f"{way.nbytes / 1e9:.1f}" if way.nbytes >= 10**8 else f"{max(way.nbytes / 1e9, 0.01):.2f}"


def notes_progress(done: int, total: int, seconds_left: float | None, say: Wording = ENGLISH) -> tuple[float, str]:
    """The fraction of the parts on which there is a note, and the line that says so, with what remains if it is
    known."""
    text = say("The model's notes: {:,} of {:,} parts of the documents", done, total)
    if seconds_left:
        text = say("{}, about {} left", text, _duration(seconds_left, say))
    return (done / total if total else 1.0), text


def _duration(seconds: float, say: Wording) -> str:
    whole = max(1, round(seconds))
    return say("{} s", whole) if whole < 60 else say("{} min {:02d} s", whole // 60, whole % 60)
