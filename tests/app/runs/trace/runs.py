"""Made-up runs: the events of one, and the prompt they belong to, as hypothesis draws them."""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from app.prompt.compose import Composed, Places
from app.prompt.marks import PageMark
from app.runs.trace import Recorder, RunSettings, Trace, describe_policy, prompt_tokens
from core import RefreshKV
from core.events import CacheRefreshed, Event, GenerationFinished, PrefillProgress, TokenGenerated

SETTINGS = RunSettings(
    "smollm2-135m", "nf4", describe_policy(RefreshKV(budget=1 / 8)), {"temperature": 0.7, "max_new_tokens": 64}, 7
)


@dataclass
class MadeRun:
    events: list[Event]
    composed: Composed
    layers: tuple[int, ...]
    heads: int
    draft_start: int = 0

    def recorder(self) -> Recorder:
        return Recorder(SETTINGS, prompt_tokens(self.composed), self.layers, self.heads, self.draft_start)

    def trace(self) -> Trace:
        recorder = self.recorder()
        for event in self.events:
            recorder.add(event)
        return recorder.trace

    @property
    def refreshes(self) -> list[CacheRefreshed]:
        return [event for event in self.events if isinstance(event, CacheRefreshed)]

    @property
    def tokens(self) -> list[TokenGenerated]:
        return [event for event in self.events if isinstance(event, TokenGenerated)]


def compose_pages(page_tokens: list[list[int]], before: int, after: int) -> Composed:
    """A prompt of documents with pages of so many tokens of two characters each, one token before every page."""
    page, start, end, marks, documents, pieces = [], [], [], [], [], []
    for document, sizes in enumerate(page_tokens):
        for number, size in enumerate(sizes, 1):
            if marks:
                page, start, end, pieces = [*page, -1], [*start, 0], [*end, 0], [*pieces, "\n"]
            marks.append(PageMark(f"d{document}.pdf", number, None, before + len(page)))
            page += [len(documents)] * size
            start += [2 * token for token in range(size)]
            end += [2 * token + 2 for token in range(size)]
            pieces += ["ab"] * size
            documents.append(document)
    places = Places(np.array(page, np.int32), np.array(start, np.int32), np.array(end, np.int32), tuple(documents))
    length = before + len(page) + after
    sizes = tuple(size for document in page_tokens for size in document)
    ids = torch.arange(length)[None]
    return Composed(ids, tuple(pieces), before, before + len(page), tuple(marks), sizes, (), 0, places, ())


@st.composite
def made_runs(draw: st.DrawFn) -> MadeRun:
    pages = draw(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), min_size=1, max_size=3))
    composed = compose_pages(pages, draw(st.integers(0, 3)), draw(st.integers(0, 3)))
    layers = tuple(sorted(draw(st.sets(st.integers(0, 5), min_size=1, max_size=4))))
    heads = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    texts = draw(st.lists(st.text("aé日🙂 ", max_size=3), min_size=1, max_size=45))
    refreshed = {0} | draw(st.sets(st.integers(1, len(texts)), max_size=40))
    events: list[Event] = [PrefillProgress(composed.prompt_tokens, composed.prompt_tokens)]
    for step, text in enumerate(texts):
        chosen: tuple[int, ...] = ()
        if step in refreshed:
            chosen = layers if step == 0 else tuple(layer for layer in layers if random.random() < 0.7) or layers[:1]
            counts = np.zeros((8, composed.prompt_tokens + step), np.uint8)
            counts[list(layers)] = random.integers(0, heads + 1, (len(layers), counts.shape[1])) * (
                random.random((len(layers), counts.shape[1])) < 0.3
            )
            reason = "prefill" if step == 0 else "similarity"
            events.append(CacheRefreshed(step, chosen, counts.sum(axis=0, dtype=np.int64), reason, counts))
        events.append(TokenGenerated(step + 5, text, step, len(chosen), 0.25 * step))
    if draw(st.booleans()):
        whole = "".join(texts)
        events.append(
            GenerationFinished("length", whole, composed.prompt_tokens, len(texts), 1.5, 2.5, 3, len(texts) - 4)
        )
    return MadeRun(events, composed, layers, heads, draw(st.integers(0, 20)))
