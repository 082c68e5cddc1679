"""What the API answers, as JSON."""

from __future__ import annotations

from typing import Any

from app.project.comparison import Comparison, Trial
from app.prompt.reading_plan import SectionPlan
from app.runs.feed import Json


def planned_section(section: SectionPlan) -> dict[str, Any]:
    """A section, or a chapter without one, as check_budget gives it."""
    parts = [{"id": part.id, "title": part.title, "pages": part.pages, "read": part.state} for part in section.parts]
    return {"heading": section.heading, "pages": section.pages, "parts": parts}


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
