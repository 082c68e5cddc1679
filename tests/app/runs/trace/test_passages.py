"""What was kept while a part of the draft was written, against a plain count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runs.trace import KeptPage, KeptPassage, Replay, kept_while
from app.runs.trace.passages import LARGEST_GAP
from core.events import CacheRefreshed, Event, TokenGenerated
from tests.app.runs.trace.runs import MadeRun, compose_pages, made_runs


def plain_count(run: MadeRun, start: int, end: int) -> list[float]:
    """The share of each token of the documents: pairs and steps counted one by one."""
    steps, at = [], 0
    for token in run.tokens:
        written = range(at, at + max(1, len(token.text)))
        if any(start <= character < end for character in written):
            steps.append(token.step)
        at += len(token.text)
    counts = [0] * len(run.composed.pieces)
    for step in steps:
        last = max((refresh for refresh in run.refreshes if refresh.step <= step), key=lambda refresh: refresh.step)
        for layer in run.layers:
            for token in range(len(counts)):
                counts[token] += int(last.kept_by_layer[layer][run.composed.document_start + token])
    return [count / max(1, len(steps) * len(run.layers) * run.heads) for count in counts]


@given(made_runs(), st.integers(0, 60), st.integers(0, 40), st.sampled_from([0.05, 0.25, 0.6]))
def test_pages_and_passages_are_what_a_plain_count_gives(run: MadeRun, start: int, length: int, least: float) -> None:
    found = kept_while(Replay(run.trace()), [(start, start + length)], least)
    shares = plain_count(run, start, start + length)
    pages = run.composed.places.page
    by_page = {
        page: [s for s, p in zip(shares, pages, strict=True) if p == page] for page in set(pages.tolist()) - {-1}
    }
    total = sum(map(sum, by_page.values()))
    assert {kept.page for kept in found} == {page for page, held in by_page.items() if sum(held) > 0}
    assert sum(kept.part for kept in found) == pytest.approx(1 if found else 0)
    assert [kept.part for kept in found] == sorted((kept.part for kept in found), reverse=True)
    for kept in found:
        held = by_page[kept.page]
        assert kept.document == run.composed.places.documents[kept.page]
        assert kept.part == pytest.approx(sum(held) / total, abs=1e-5)
        assert kept.share == pytest.approx(sum(held) / len(held), abs=1e-5)
        # Tokens have two characters each.
        inside = [range(p.start // 2, p.end // 2) for p in kept.passages]
        strong = {token for token, share in enumerate(held) if share >= least + 1e-5}
        weak = {token for token, share in enumerate(held) if share < least - 1e-5}
        assert strong <= {token for tokens in inside for token in tokens}
        for passage, tokens in zip(kept.passages, inside, strict=True):
            assert passage.share == pytest.approx(sum(held[token] for token in tokens) / len(tokens), abs=1e-5)
            assert tokens[0] not in weak
            assert tokens[-1] not in weak
            for token in tokens[: -LARGEST_GAP - 1]:
                assert not set(range(token, token + LARGEST_GAP + 1)) <= weak
        assert [p.share for p in kept.passages] == sorted((p.share for p in kept.passages), reverse=True)


def made(kept: dict[int, list[int]], texts: list[str], pages: list[list[int]]) -> Replay:
    """One layer of two heads that keeps `kept[step]` after the refresh of that step."""
    composed, events = compose_pages(pages, 0, 1), list[Event]()
    for step, text in enumerate(texts):
        if step in kept:
            counts = np.zeros((1, composed.prompt_tokens + step), np.uint8)
            counts[0, kept[step]] = 2
            events.append(CacheRefreshed(step, (0,), counts.sum(axis=0), "stride", counts))
        events.append(TokenGenerated(1, text, step, 0, 0.1))
    return Replay(MadeRun(events, composed, (0,), 2, draft_start=10).trace())


def test_a_sentence_and_the_pages_behind_it() -> None:
    # Positions 0-3 are page 1, 4 stands between, 5-8 are page 2.
    replay = made({0: [0, 1, 5], 2: [6, 7, 8]}, ["One ", "two. ", "Three", " four."], [[4], [4]])
    first, second = kept_while(replay, [(0, 9)])
    assert first == KeptPage(0, 0, pytest.approx(2 / 3), 0.5, (KeptPassage(0, 4, 1.0),))
    assert second == KeptPage(1, 1, pytest.approx(1 / 3), 0.25, (KeptPassage(0, 2, 1.0),))
    assert kept_while(replay, [(9, 20)]) == (KeptPage(1, 1, 1.0, 0.75, (KeptPassage(2, 8, 1.0),)),)
    both = kept_while(replay, [(4, 14)])
    assert [(page.page, page.share) for page in both] == [(1, 0.5), (0, 0.25)]
    # Two words apart are what both hold, and nothing of what stood between them.
    apart = kept_while(replay, [(0, 3), (15, 19)])
    assert [(page.page, page.share) for page in apart] == [(1, 0.5), (0, 0.25)]
    assert kept_while(replay, [(20, 30)]) == kept_while(replay, []) == ()


def test_a_gap_of_some_tokens_does_not_end_a_passage() -> None:
    replay = made({0: [0, 4, 9]}, ["One"], [[12]])
    (page,) = kept_while(replay, [(0, 3)])
    assert [(passage.start, passage.end) for passage in page.passages] == [(18, 20), (0, 10)]


def test_without_refreshes_nothing_is_known() -> None:
    assert kept_while(made({}, ["One"], [[4]]), [(0, 3)]) == ()
