"""What happens when something on the page is used: Gradio's values in, Gradio's updates out, the work elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import panels
from app.composer import Composed, compose
from app.engine import Engine, Request
from app.errors import AppError
from app.prompts import trim_draft
from app.session import Session, Sessions, SourceFile
from app.settings import Settings, parse_budget
from app.tail import Frame, Tail
from app.tasks import TASKS
from core import FullAttention, InvalidParameterError, Policy, RefreshKV

FRAME_SECONDS = 0.08
REFRESHKV, FULL_ATTENTION = "RefreshKV", "Full attention"


@dataclass(frozen=True)
class Options:
    """The page's decoding options as they come from its fields; None where a number field is empty."""

    method: str
    budget: str
    stride: float | None
    threshold: float | None
    max_new_tokens: float | None
    temperature: float | None
    seed: float | None

    def policy(self) -> Policy:
        """The policy chosen. Raises AppError or InvalidParameterError for a value that means nothing."""
        if self.method == FULL_ATTENTION:
            return FullAttention()
        try:
            budget = parse_budget(self.budget)
        except ValueError as error:
            raise AppError(f"The size of the small cache is “{self.budget}”: {error}.") from None
        return RefreshKV(budget, int(self.stride or 0), self.threshold)


class Handlers:
    """The page's handlers. One per app; what belongs to a person is in their session."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """`engine` may still be loading its model."""
        self._settings, self._engine = settings, engine
        self._sessions = Sessions(settings.session_minutes)

    def session(self, request: gr.Request) -> Session:
        """The session of the page that sent `request`."""
        return self._sessions.get(request.session_hash or "")

    def closed(self, request: gr.Request) -> None:
        """The page was closed or reloaded."""
        self._sessions.close(request.session_hash or "")

    # --- the model ---

    def model_line(self) -> tuple[str, Any]:
        """The line that says which model it is or how far loading is, and whether to ask again."""
        if self._engine.failure:
            return panels.notice(self._engine.failure), gr.update(active=False)
        if not self._engine.ready:
            loading = self._engine.loading
            fraction = loading.done / loading.total if loading.total else None
            return panels.progress(fraction, f"{loading.what} …"), gr.update(active=True)
        facts = [
            self._engine.quantization(self._settings.quantization or "none"),
            f"window {self._engine.window:,} tokens",
        ]
        if self._engine.compiling:
            facts.append("compiling for this computer (once, a minute or two; writing works meanwhile)")
        return panels.model_line(self._settings.model, " · ".join(facts)), gr.update(active=self._engine.compiling)

    # --- sources ---

    def files_changed(self, paths: list[str] | None, version: int, request: gr.Request) -> int:
        """Read what was uploaded; returns a new version of the list of files."""
        self.session(request).set_files([Path(path) for path in paths or []], self._settings.limits)
        return version + 1

    def pages_chosen(self, index: int, pages: str, version: int, request: gr.Request) -> int:
        """Choose pages of the file at `index`."""
        self.session(request).files[index].choose(pages)
        return version + 1

    def password_given(self, index: int, password: str, version: int, request: gr.Request) -> int:
        """Try to open the file at `index` with a password."""
        self.session(request).files[index].read(self._settings.limits, password)
        return version + 1

    def page_tokens(self, file: SourceFile, request: gr.Request) -> tuple[int, ...]:
        """Tokens of each chosen page of `file`. Waits for the model, whose tokenizer counts them."""
        if file.document is None:
            return ()
        _, tokenizer = self._engine.require_model()
        return self.session(request).token_counts.of(tokenizer, file.document, file.chosen_pages)

    def window(self, task: str, detail: str, draft: str, max_new_tokens: float | None, request: gr.Request) -> str:
        """How the request fills the model's window."""
        try:
            composed = self._compose(self.session(request), task, detail or "…", draft if task == "continue" else "")
        except AppError as error:
            return panels.notice(str(error))
        return panels.window_bar(composed.budget(int(max_new_tokens or 0), self._engine.window))

    # --- writing ---

    async def write(
        self, request: gr.Request, task: str, detail: str, draft: str, *options: Any
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Write a new text; the one in the editor can be brought back. The task "continue" goes on from it."""
        session = self.session(request)
        keeps = task == "continue"
        opening = trim_draft(draft) if keeps else TASKS[task].opening(detail)
        async for update in self._run(session, task, detail, draft, opening, Options(*options)):
            yield update

    async def resume(
        self, request: gr.Request, task: str, detail: str, draft: str, *options: Any
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Go on from the end of the editor's text, under the same instruction."""
        async for update in self._run(self.session(request), task, detail, draft, trim_draft(draft), Options(*options)):
            yield update

    def stop(self, request: gr.Request) -> Any:
        """Stop this session's run, and no other."""
        run = self.session(request).run
        if run:
            run.stop()
        return gr.update(interactive=False)

    def swap(self, draft: str, request: gr.Request) -> str:
        """Exchange the editor's text with the one that stood there before the last run."""
        session = self.session(request)
        session.previous_draft, restored = draft, session.previous_draft
        return restored

    async def _run(
        self, session: Session, task: str, detail: str, draft: str, opening: str, options: Options
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Updates of (draft, progress, rates, map, write, continue, stop, swap) until the run is over."""
        if session.run and not session.run.done:
            yield self._refusal("You are writing already. Stop that first.")
            return
        try:
            composed = await asyncio.to_thread(self._compose, session, task, detail, opening)
            request = self._request(composed, options)
            session.run = run = self._engine.submit(request)
        except (AppError, InvalidParameterError) as error:
            yield self._refusal(str(error))
            return
        session.previous_draft = draft
        tail = Tail(self._engine, run, composed, opening)
        yield self._update(Frame(opening, None, None, None), buttons=(False, True))
        while not tail.finished:
            yield self._update(tail.frame(), buttons=None)
            await asyncio.sleep(FRAME_SECONDS)
        yield self._update(tail.frame(), buttons=(True, False))

    def _compose(self, session: Session, task: str, detail: str, opening: str) -> Composed:
        _, tokenizer = self._engine.require_model(timeout=0)
        return compose(tokenizer, session.sources, TASKS[task].instruction(detail), opening)

    def _request(self, composed: Composed, options: Options) -> Request:
        settings = self._settings
        output_tokens = int(options.max_new_tokens or 0)
        if not 1 <= output_tokens <= settings.max_new_tokens_limit:
            raise AppError(
                f"The answer's length is {output_tokens}; it must be 1 to {settings.max_new_tokens_limit:,}."
            )
        budget = composed.budget(output_tokens, self._engine.window)
        if budget.excess > 0:
            raise AppError(budget.message)
        return Request(
            composed.token_ids,
            options.policy(),
            output_tokens,
            float(options.temperature or 0.0),
            settings.top_p,
            settings.min_p,
            settings.repetition_penalty,
            None if options.seed is None else int(options.seed),
            composed.document_end,
        )

    def _update(self, frame: Frame, buttons: tuple[bool, bool] | None) -> tuple[Any, ...]:
        """A frame as Gradio's updates; `buttons` says whether Write, and Stop, can be pressed, if that changed.

        Plain values and `gr.update`, since making a component for an update costs more than all the rest.
        """
        ready, stoppable = buttons or (None, None)
        text: dict[str, Any] = {} if frame.text is None else {"value": frame.text}
        return (
            gr.update(**text) if ready is None else gr.update(**text, interactive=ready),
            frame.progress or gr.skip(),
            frame.rates or gr.skip(),
            frame.cache_map or gr.skip(),
            *((gr.skip() if on is None else gr.update(interactive=on)) for on in (ready, ready, stoppable, ready)),
        )

    def _refusal(self, text: str) -> tuple[Any, ...]:
        unchanged: Sequence[Any] = [gr.skip()] * 6
        return (gr.skip(), panels.notice(text), *unchanged)
