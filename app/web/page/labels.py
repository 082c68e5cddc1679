"""What the page's components are called; the browser's language decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import gradio as gr
from gradio.i18n import I18nData

from app.export import FORMATS
from app.methods import all_parameters
from app.prompt.tasks import TASKS
from app.say.catalogue import catalogues
from core.policies import METHODS

LABELS: Mapping[str, str] = {
    "title": "Long-document writer",
    "about": (
        "Write reports, summaries and notes about long documents with a model on this computer, and see what it read."
    ),
    "about_shared": "Write reports, summaries and notes about long documents with a model, and see what it read.",
    "project": "Project",
    "projects": "Open",
    "new_project": "New",
    "delete_project": "Delete",
    "sources": "Sources",
    "upload": "Add files",
    "sample": "Use the sample report",
    "paste": "Paste text",
    "pasted": "Text",
    "add_pasted": "Add as a source",
    "task": "Task",
    "detail": "In your words",
    "length_words": "Length",
    "tone": "Tone",
    "language": "Language",
    "audience": "Readers",
    "audience_hint": "anybody",
    "as_it_comes": "As it comes",
    "short": "Short",
    "medium": "Medium",
    "long": "Long",
    "neutral": "Neutral",
    "formal": "Formal",
    "plain": "Plain",
    "lively": "Lively",
    "academic": "Academic",
    "more": "Tone, language, readers, longest text",
    "tokens": "At most, in tokens",
    "options": "How the model writes",
    "temperature": "Temperature (0: always the likeliest)",
    "seed": "Seed (empty: a new text each time)",
    "draft_tokens": "Tokens of the draft it sees, the last (empty: all)",
    "take_notes": "Let the model make notes on all parts",
    "leave_notes": "Stop the notes for now",
    "wording": "Sentences of a text about documents",
    "wording_auto": "As suits the model",
    "wording_own": "The model's own",
    "wording_quoted": "The documents'",
    "grounded": "Names and numbers only from the documents, the task and the draft",
    "apart": "Read each document by itself: others can be added, taken out or reordered without reading it again",
    "beyond": "Documents longer than the model's window are read",
    "beyond_parts": "By parts",
    "beyond_one": "As one",
    "method": "Attention",
    "full_attention": "Full attention",
    **{f"{method}_summary": policy.summary for method, policy in METHODS.items()},
    **{name: parameter.label for name, parameter in all_parameters().items()},
    "draft": "Draft",
    "remove_unsupported": "Take these sentences out",
    "write": "Write",
    "continue": "Continue",
    "here": "Continue at the cursor",
    "stop": "Stop",
    "undo": "Undo",
    "redo": "Redo",
    "keys": (
        "Ctrl+Enter writes · Ctrl+Shift+Enter continues · Esc stops · Ctrl+Z undoes · Ctrl+Shift+Z redoes · "
        "Ctrl+Shift+S saves a version · Ctrl+F finds in the draft"
    ),
    "versions": "Versions",
    "version_name": "Name of this version",
    "save_version": "Save version",
    "version": "Saved versions",
    "compare_version": "Show changes",
    "restore": "Restore",
    "delete_version": "Delete",
    "export": "Download as",
    "repair_table": "Repair the table",
    "runs": "Run on the map",
    "open_trace": "Open a trace",
    "compare": "Compare methods",
    "compare_run": "Write with each",
    "methods": "Methods",
    "never_refreshed": "Small cache, never refreshed",
    "summary": "Summary",
    "report": "Report",
    "essay": "Essay",
    "notes": "Study notes",
    "outline": "Outline, then its sections",
    "table": "Extract a table",
    "continue_task": "Continue my draft",
    "free": "My own instruction",
    **{f"{key}_asks": task.asks for key, task in TASKS.items()},
}
"""By their keys, in English. The other languages are in the catalogues of `app.say`."""

_TITLES = {LABELS[key]: key for key in ("full_attention", "never_refreshed")}


def words(key: str) -> I18nData:
    """The label of that key, which the browser puts into its language."""
    return I18nData(key)


def titled(title: str) -> I18nData | str:
    """The name of a method: a label if it is in words, else the name itself."""
    return words(_TITLES[title]) if title in _TITLES else title


@cache
def labels() -> gr.I18n:
    """All labels in all languages, for `launch`."""
    return gr.I18n(**{language: _labels(language) for language in catalogues().languages})


def _labels(language: str) -> dict[str, str]:
    pattern = catalogues()[language].pattern
    formats = {f"format_{key}": pattern(kind.title) for key, kind in FORMATS.items()}
    return {key: pattern(english, key) for key, english in LABELS.items()} | formats
