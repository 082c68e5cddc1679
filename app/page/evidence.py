"""What the model kept: the map of a run, live or of an earlier day, and what it held while a passage was written."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr

from app.cache_map import CacheMap
from app.editor import DraftEditor
from app.map_feed import MapFeed, held_message
from app.page.events import QUIET, Office, caret
from app.quotes import find_quotes
from app.session import Session
from app.trace import Replay, kept_while
from app.view import Json

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s|\n")


def wire_map(office: Office, project: gr.BrowserState, editor: DraftEditor, the_map: CacheMap) -> Any:
    """The layer shown and the passage looked at. Returns the function that shows a whole run again."""

    def whole(project: str, request: gr.Request) -> Any:
        session = office.session(project, request)
        feed = _feed(session)
        return {"empty": True} if feed is None else feed.since(None, session.map_layer)[0]

    def chosen(project: str, request: gr.Request, event: gr.EventData) -> Any:
        wanted = event._data.get("layer") if isinstance(event._data, dict) else None
        session = office.session(project, request)
        feed = _feed(session)
        if feed is None or not (wanted is None or wanted in range(feed.layers)):
            return gr.skip()
        session.map_layer = wanted
        return feed.since(None, wanted)[0]

    def looked_at(project: str, request: gr.Request, event: gr.EventData) -> Json | Any:
        state = caret(event._data)
        return _held(office.session(project, request), state.start, state.end) or gr.skip()

    the_map.layer(chosen, project, the_map, trigger_mode="always_last", **QUIET)
    editor.caret(looked_at, project, the_map, trigger_mode="always_last", **QUIET)
    return whole


def _feed(session: Session) -> MapFeed | None:
    """Of the run that wrote last into the draft; a stored one is read again."""
    if session.drafting is not None:
        return session.drafting.feed
    trace = session.trace()
    return None if trace is None else MapFeed.replayed(f"stored-{session.id}", trace)


def _held(session: Session, start: int, end: int) -> Json | None:
    """What was held while the selection was written, or without one the sentence at the caret; None if the last run
    did not write it."""
    draft, written, trace = session.draft, session.draft.written, session.trace()
    if session.busy or trace is None or written is None:
        return None
    if start == end:
        start, end = _sentence(draft.text, start)
    if end <= written[0] or start >= written[1] or start >= end:
        return None
    shift = written[0] - trace.draft_start + _opening(session)
    pages = kept_while(Replay(trace), start - shift, end - shift)
    quotes = find_quotes(draft.text[start:end], session.sources.selected)
    return held_message(pages, quotes, trace.prompt)


def _opening(session: Session) -> int:
    """Characters at the beginning of what was written that no run wrote: the head of a table, earlier sections."""
    writing = session.drafting
    return writing.part_start - len(writing.place.before) if writing is not None else 0


def _sentence(text: str, at: int) -> tuple[int, int]:
    """The sentence around a position."""
    start = max((match.end() for match in _SENTENCE_END.finditer(text, 0, at)), default=0)
    following = _SENTENCE_END.search(text, at)
    return start, following.start() if following else len(text)
