"""The draft's editor as a Gradio component: a static template, its style and scripts, and the messages it is sent.

The server holds the truth. A page sends an edit as the whole text with its project and the revision it was made from,
and gets a "saved" with the new revision, or a "set" with another text if somebody else came before. While an edit is
under way typing goes on, and the next is sent after the answer. Each message names its project, and those of another
than the page shows are passed over. Positions are characters (code points) on this side; the script converts.

What a run writes is a `Log` (app.web.components.log): its head is {kind: "run", project, run, proposes}; a message
{kind: "place", revision, at, replaced, seam} says where in the draft of that revision the text stands, in place of so
many characters, and what parts it from what follows; then comes the text, and at the end {kind: "over", revision,
characters, last, proposal} with the length of the whole draft; for the proposal see `proposal_message`. Before the
place is known the draft can be edited; from then on until the end the editor is locked.

The page sends, as Gradio events: `edit`, `passage` (kind, wish, and as the others project, text, start, end, revision,
serial), `replace` (as `edit`, and `replaced`, which the draft is to become as one step of undo), `caret`, `accept`,
`reject` (id, and piece for one of its pieces alone), `resync`, `recover` (text), and `settled` when the server has the
draft and typing pauses. In the browser `element.draft` is for other parts of the page (assets/editor/types.d.ts): its
`state()` gives what `edit` sends. They hear of the draft by the document's events `draft-changed` and `draft-settled`.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from app.project.proposal import Proposal
from app.runs.feed import Json
from app.settings import ASSETS
from app.web.components import MessageView


class DraftEditor(MessageView):
    """One whose messages are those below."""

    folder = ASSETS / "editor"

    def postprocess(self, value: Any) -> str | None:
        """The message as one string, see MessageView; with a mark, since one like the last would not reach the
        script. A log is a string already."""
        if value is None or isinstance(value, str):
            return value
        return json.dumps({**value, "mark": secrets.token_hex(4)}, ensure_ascii=False, separators=(",", ":"))

    def preprocess(self, payload: Any) -> Any:
        """What `element.draft.state()` gave, as a dict; None for anything else."""
        try:
            state = json.loads(payload) if isinstance(payload, str) else None
        except (ValueError, RecursionError):
            return None
        return state if isinstance(state, dict) else None


def set_message(
    text: str,
    revision: int,
    select: tuple[int, int] | None = None,
    *,
    project: str = "",
    last: tuple[int, int] | None = None,
    previous: str = "",
    running: bool = False,
    proposal: Proposal | None = None,
) -> Json:
    """Show this text. `last`: the passage the model wrote last. `project`: under which the browser keeps a copy.
    `running`: a run is under way. `proposal`: what waits for an answer.

    `previous`: a project that is gone, and this one in its place: what the browser holds of that is offered too.
    More may be added: `opens`: the page shows this project from now on; `forget`: a project of which the browser is to
    keep nothing; `note`: "refused" if the page's text became a version, "restored" if what it held is the draft now.
    """
    return {
        "kind": "set", "text": text, "revision": revision, "select": select, "project": project, "last": last,
        "previous": previous, "running": running, "proposal": proposal_message(proposal),
    }  # fmt: skip


def proposal_message(proposal: Proposal | None) -> Json | None:
    """From `start` to `end` of the draft stands the passage of these pieces: [text], or [old, new, number] for those
    that are to be decided. None without a proposal."""
    if proposal is None:
        return None
    pieces = [
        [piece.old, piece.new, number] if piece.state == "open" else [piece.now]
        for number, piece in enumerate(proposal.pieces)
    ]
    start, end = proposal.start, proposal.end
    return {"id": proposal.id, "start": start, "end": end, "outdated": proposal.outdated, "pieces": pieces}


def saved_message(project: str, revision: int, error: str = "") -> Json:
    """The latest edit is this revision, and is kept; or `error` says why it is not."""
    return {"kind": "saved", "project": project, "revision": revision, "error": error}


def kept_message(project: str) -> Json:
    """What the browser held is a version now, since the model is writing."""
    return {"kind": "kept", "project": project}
