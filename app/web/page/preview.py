"""The draft as it reads: rendered, with links to the pages it refers to, what documents support of it, its outline."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from app.project.checks import support_in_draft
from app.project.session import Session
from app.project.support import Judged
from app.reading.support import Kind
from app.say.wording import ENGLISH, Wording
from app.text.citations import PageReference
from app.web.components.preview import DraftPreview, Preview
from app.web.components.preview_nodes import Mark, Page
from app.web.components.support_list import REASONS
from app.web.context import AppContext
from app.web.events import QUIET, wording

_KINDS: dict[Kind, str] = {"word for word": "exact", "near": "near", "none": "none"}
_SAID: dict[Kind, str] = {"word for word": "word for word: {}", "near": "in nearly these words: {}"}


def add_preview(context: AppContext, project: gr.BrowserState) -> DraftPreview:
    """The preview, closed, to be rendered where it stands. It asks for what it shows, and for nothing while it is
    closed."""
    preview, sent = DraftPreview(elem_id="preview", render=False), gr.State(Preview())

    def look(project: str, sent: Preview, request: gr.Request, event: gr.EventData) -> tuple[str, Preview]:
        session, data = context.session(project, request), event._data
        known = data.get("serial") if isinstance(data, dict) else None
        return previewed(session, sent, known if isinstance(known, int) else 0, wording(request)), sent

    preview.look(look, [project, sent], [preview, sent], queue=False, trigger_mode="multiple", **QUIET)
    return preview


def previewed(session: Session, sent: Preview, known: int, say: Wording = ENGLISH) -> str:
    """The draft with what is being written, for a page that was `sent` so much and holds the message `known`."""
    text = session.draft.shown
    return sent.update(text, list(_marks(session, text, say)), Pages(session, say).find, known)


class Pages:
    """The pages that a draft can refer to, as they are now."""

    def __init__(self, session: Session, say: Wording = ENGLISH) -> None:
        """Those of the sources that could be read."""
        self._files = {file.name: file for file in reversed(session.sources.files) if file.document}
        self._say = say

    def find(self, reference: PageReference) -> Page | None:
        """That one; without a name the page of the only source."""
        alone = next(iter(self._files.values())) if len(self._files) == 1 else None
        file = self._files.get(reference.name) if reference.name else alone
        if file is None or file.document is None or not 0 < reference.page <= len(file.document.pages):
            return None
        return Page(file.id, file.name, reference.page, place(file.name, reference.page, self._say))


def place(document: str, page: int, say: Wording) -> str:
    """A page of a document in words."""
    return say("{}, page {}", document, page)


def _marks(session: Session, text: str, say: Wording) -> Iterator[tuple[int, Mark]]:
    report, written = support_in_draft(session), session.draft.state.written
    if report is None:
        return
    for start, judged in report.places(text, written[0] if written else 0):
        yield start, Mark(judged.text, _KINDS[judged.kind], _title(judged, say))


def _title(judged: Judged, say: Wording) -> str:
    if judged.reason is not None:
        return say("Without support: {}", say(REASONS[judged.reason]))
    return say(_SAID[judged.kind], place(judged.document, judged.page or 1, say))
