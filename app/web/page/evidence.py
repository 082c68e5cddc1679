"""What the model kept: the map of a run, live, of an earlier day or from a file, and what is known of a passage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr

from app.export.bundle import bundled_trace
from app.methods import title_of
from app.project.editor_state import EditorState
from app.project.sessions import PageView
from app.runs.evidence import passage_message
from app.runs.feed import Json, MapFeed
from app.runs.library import RunEntry
from app.say.errors import AppError
from app.say.wording import Wording
from app.web.components.cache_map import CacheMap, cache_map
from app.web.components.editor import DraftEditor
from app.web.context import AppContext
from app.web.events import QUIET, errors_said, worded, wording
from app.web.html import panels
from app.web.page.labels import words


@dataclass(frozen=True)
class EvidenceParts:
    """The map, the choice of the run it shows, and the button that opens a trace file."""

    map: CacheMap
    runs: gr.Dropdown
    file: gr.UploadButton
    problem: gr.HTML


def add_evidence() -> EvidenceParts:
    """The column of the map."""
    with gr.Row(elem_id="run-choice", equal_height=False):
        runs = gr.Dropdown([], label=words("runs"), elem_id="runs", min_width=200, scale=3, visible=False)
        file = gr.UploadButton(
            words("open_trace"),  # type: ignore[arg-type]
            file_types=[".gz", ".zip"], elem_id="open-trace", size="sm", min_width=100, scale=0,
        )  # fmt: skip
    problem = gr.HTML(elem_id="trace-problem")
    return EvidenceParts(cache_map(), runs, file, problem)


def wire_map(
    context: AppContext,
    project: gr.BrowserState,
    editor: DraftEditor,
    parts: EvidenceParts,
    streamed: Sequence[Any],
) -> tuple[Callable[..., dict[Any, Any]], Callable[..., dict[Any, Any]]]:
    """The run and layer shown, and the passage looked at; after the events `streamed` there is another run to choose.
    Returns the functions that show a whole run again, on the map and in the choice, and the choice alone."""
    outputs = [parts.map, parts.runs]

    def shown(view: PageView, say: Wording) -> dict[Any, Any]:
        return {parts.map: _whole(view), parts.runs: _choice(view, say)}

    def whole(project: str, request: gr.Request) -> dict[Any, Any]:
        return shown(viewed(project, request), wording(request))

    def listed(project: str, request: gr.Request) -> dict[Any, Any]:
        view = viewed(project, request)
        writing, choice = view.session.writing, _choice(view, wording(request))
        current = writing.current if writing and not writing.insertion.proposes else None
        # Of a run that wrote nothing the map showed what it read, and goes back to the run before.
        silent = current is not None and not current.feed.trace.tokens
        if not silent and (series := _series(view, view.run or view.session.runs.newest)):
            return {parts.runs: choice, parts.map: series}
        return {parts.runs: choice, parts.map: _whole(view)} if silent else {parts.runs: choice}

    def run_chosen(key: str | None, project: str, request: gr.Request) -> dict[Any, Any]:
        view, say = viewed(project, request), wording(request)
        if view.session.busy:
            gr.Info(say("While the model writes, the map shows what it does. Choose a run afterwards."))
        elif key and key != _listed(view):  # a list that is left tells of itself, too
            view.run = key
        return shown(view, say)

    def layer_chosen(project: str, request: gr.Request, event: gr.EventData) -> Any:
        data = event._data if isinstance(event._data, dict) else {}
        view, wanted, run = viewed(project, request), data.get("layer"), data.get("run")
        feed = _feed(view, run if isinstance(run, str) else None)
        if feed is None or not (wanted is None or wanted in range(feed.layers)):
            return gr.skip()
        view.layer = wanted
        return feed.since(None, wanted)[0]

    def turned(project: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        data = event._data if isinstance(event._data, dict) else {}
        view, key = viewed(project, request), data.get("run")
        if view.session.busy or not isinstance(key, str) or view.session.runs.open(key) is None:
            return {parts.map: gr.skip()}
        view.run = key
        return shown(view, wording(request))

    def looked_at(project: str, request: gr.Request, event: gr.EventData) -> Any:
        view = viewed(project, request)
        session = view.session
        with errors_said(request):
            state = EditorState.of(event._data)
        if session.busy or state.project != session.id:
            return gr.skip()
        message = passage_message(session.runs, view.run, session.draft.text, state.start, state.end)
        if message is None:
            return gr.skip()
        if message["run"] == view.run:
            return {parts.map: message}
        view.run = message["run"]
        return {parts.map: message, parts.runs: _choice(view, wording(request))}

    def opened(path: str | None, project: str, request: gr.Request) -> dict[Any, Any]:
        view, say = viewed(project, request), wording(request)
        if view.session.busy:
            return {parts.problem: panels.notice(say("Open it when the model has ended its text."))}
        try:
            limit = context.sessions.store.limits.trace_megabytes
            view.run = view.session.runs.open_file(bundled_trace(Path(path or ""), limit))
        except AppError as error:
            return {parts.problem: panels.notice(worded(error, request))}
        return {**shown(view, say), parts.problem: ""}

    def viewed(project: str, request: gr.Request) -> PageView:
        return context.view(context.session(project, request), request)

    parts.map.turn(turned, project, outputs, trigger_mode="always_last", **QUIET)
    parts.map.layer(layer_chosen, project, parts.map, trigger_mode="always_last", **QUIET)
    editor.caret(looked_at, project, outputs, trigger_mode="always_last", **QUIET)
    for ended in streamed:
        ended.then(listed, project, outputs, **QUIET)
    parts.runs.input(run_chosen, [parts.runs, project], outputs, **QUIET)
    parts.file.upload(opened, [parts.file, project], [*outputs, parts.problem], **QUIET)
    return whole, listed


def _feed(view: PageView, key: str | None = None) -> MapFeed | None:
    """Of the run of that key, else of the one that the map shows, else of the one that wrote last."""
    runs = view.session.runs
    run = runs.open(key) or runs.open(view.run) or runs.open(runs.newest)
    return run.feed if run else None


def _whole(view: PageView) -> Any:
    feed = _feed(view)
    if feed is None:
        return {"empty": True}
    if view.layer is not None and view.layer >= feed.layers:
        view.layer = None  # of another model
    message = feed.since(None, view.layer)[0]
    return message and {**message, **(_series(view, feed.run_id) or {})}


def _series(view: PageView, key: str | None) -> Json | None:
    """The section that the run of that key wrote, as a message for the map; None if it wrote none."""
    series = view.session.runs.series(key)
    return series and {"run": key, "series": series._asdict()}


def _choice(view: PageView, say: Wording) -> Any:
    choices = [(_titled(entry, say), entry.key) for entry in view.session.runs.entries]
    return gr.update(choices=choices, value=_listed(view), visible=bool(choices))


def _listed(view: PageView) -> str | None:
    """The run that the list names as shown."""
    runs = view.session.runs
    return view.run if view.run in {entry.key for entry in runs.entries} else runs.newest


def _titled(entry: RunEntry, say: Wording) -> str:
    when = datetime.fromtimestamp(entry.begun).strftime("%m-%d %H:%M:%S")
    what = say("opened file") if entry.stored is None else say("proposal") if entry.proposes else ""
    if entry.compared:
        what = say("comparison")
    elif entry.section:
        what = say("Section {} of {}: {}", *entry.section)
    named = entry.compared or title_of(entry.method)
    method = say(named) if named else ""
    state = "" if entry.state in ("waiting", "running") else say(entry.state)  # which the list would not follow
    return " · ".join(part for part in (when, method, state, what) if part)
