"""What the API answers, as JSON."""

from __future__ import annotations

from typing import Any

from app.project.comparison import Comparison, Trial
from app.project.long_reading import LongReading, Offer, Way
from app.prompt.reading_plan import SectionPlan
from app.runs.feed import Json


def planned_section(section: SectionPlan) -> dict[str, Any]:
    """A section, or a chapter without one, as check_budget gives it."""
    parts = [{"id": part.id, "title": part.title, "pages": part.pages, "read": part.state} for part in section.parts]
    return {"heading": section.heading, "pages": section.pages, "parts": parts}


def ways(found: LongReading) -> Json:
    """What each way to read long documents takes, or why it is none."""
    return {"parts": _way(found.parts), "one": _way(found.one)}


def _way(way: Offer) -> Json:
    if not isinstance(way, Way):
        return {"refused": str(way)}
    seconds = {"reading_seconds": round(way.seconds.reading, 1), "writing_seconds": round(way.seconds.writing, 1)}
    return {"tokens": way.tokens, **seconds, "bytes": way.nbytes}


def compared(comparison: Comparison) -> Json:
    """The methods of a comparison, as compare gives them."""
    return {"methods": [_trial(trial) for trial in comparison.trials]}


def _trial(trial: Trial) -> Json:
    return {
        "name": trial.name,
        "state": trial.state,
        "error": str(trial.message) if trial.message else None,
        "text": trial.text,
        "statistics": trial.statistics.plain if trial.over else {},
        "changes": [[change.kind, change.text] for change in trial.changes],
    }
