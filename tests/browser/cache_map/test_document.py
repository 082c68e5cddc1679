"""What the document shows: shares, changes, one layer, passages."""

from typing import Any

import pytest

from app.runs.evidence import held
from app.runs.trace import KeptPage, KeptPassage, page_texts
from app.text.quotations import Quote
from tests.browser.cache_map.site import (
    HEADS,
    LINE,
    MARGIN,
    Made,
    Site,
    colours,
    made,
    open_page,
    painted,
    pixel,
    refresh_of,
    refreshed,
    seen,
    send,
    words,
)
from tests.browser.tabs import Tabs


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_shade_is_the_scale_between_plain_and_full(site: Site, tabs: Tabs, theme: str) -> None:
    with open_page(site, tabs, f"__theme={theme}") as page:
        send(site, page, made(words(300), refreshes=1, held=slice(0, LINE)).whole)
        full, none, text, entered = colours(page, "full", "none", "text", "entered")
        assert pixel(page, MARGIN + 1, 42) == full
        assert pixel(page, MARGIN + 1, 42 + 23)[3] == 0
        assert contrast(text, full) >= 4.5
        assert contrast(text, entered) >= 4.5
        assert contrast(text, none) >= 7


def contrast(one: list[int], other: list[int]) -> float:
    """The contrast ratio of two RGBA colours, as WCAG defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[int]) -> float:
    channels = [value / 255 for value in colour[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_changes_are_marked_by_form_and_colour(site: Site, page: Any) -> None:
    """The first line stays, the second leaves, the third enters, the fourth is never held."""
    run = Made(words(300))
    run.add(refreshed(run.prompt, 0, slice(0, 2 * LINE)))
    counts = refreshed(run.prompt, 1, slice(0, LINE)).kept_by_layer
    counts[:, 5 + 2 * LINE : 5 + 3 * LINE] = HEADS
    run.add(refresh_of(1, counts))
    send(site, page, run.whole)
    page.click(".ckm-mode-changes")
    painted(page)
    x, tops = MARGIN + 1, [40 + 23 * line for line in range(4)]
    entered, mark, left, stayed = colours(
        page, "entered", "entered-mark", "left-mark", "color-mix(in oklab, var(--ckm-full) 26%, var(--ckm-none))"
    )
    assert pixel(page, x, tops[0] + 3) == stayed
    assert pixel(page, x, tops[0] + 20) == stayed
    assert pixel(page, x, tops[1] + 3)[3] == 0
    assert left in [pixel(page, x + 25 + dx, tops[1] + 12) for dx in range(30)]  # between two words
    assert pixel(page, x, tops[2] + 3) == entered
    assert pixel(page, x, tops[2] + 20) == mark
    assert pixel(page, x, tops[3] + 3)[3] == 0
    explanation = "Tokens of the document: 6 entered, 6 left, 6 stayed."
    assert page.inner_text(".ckm-explanation") == explanation
    assert page.is_visible(".ckm-keys-changes")
    assert page.get_attribute(".ckm-mode-changes", "aria-pressed") == "true"
    page.click(".ckm-mode-share")
    painted(page)
    assert pixel(page, x, tops[0] + 3) == colours(page, "full")[0]


def test_a_layer_is_asked_for_and_shown_alone(site: Site, page: Any) -> None:
    """Layer 4 holds the first line alone, all others the second."""
    run = Made(words(300))
    for number in range(6):
        counts = refreshed(run.prompt, number, slice(LINE, 2 * LINE)).kept_by_layer
        counts[4] = refreshed(run.prompt, number, slice(0, LINE)).kept_by_layer[4]
        run.add(refresh_of(number, counts))
    send(site, page, run.whole)
    site.feed, site.cursor = run.feed, run.cursor
    full = colours(page, "full")[0]
    assert pixel(page, MARGIN + 1, 42) not in (full, [0, 0, 0, 0])
    page.click(".ckm-technical summary")
    page.select_option(".ckm-layer", label="Layer 4")
    page.wait_for_selector(".ckm-root[data-layer='4']")
    assert ("layer", {"layer": 4, "run": "run"}) in site.asked
    painted(page)
    assert pixel(page, MARGIN + 1, 42) == full
    assert pixel(page, MARGIN + 1, 42 + 23)[3] == 0
    assert page.inner_text(".ckm-figures").startswith("Shade: share of the 3 KV heads of layer 4 that have")
    page.select_option(".ckm-layer", label="All layers")
    page.wait_for_selector(".ckm-root[data-layer='']")
    painted(page)
    assert pixel(page, MARGIN + 1, 42) not in (full, [0, 0, 0, 0])


def test_passages_and_quotes_are_marked_and_scrolled_to(site: Site, tabs: Tabs) -> None:
    with open_page(site, tabs, reduced_motion="reduce") as page:
        run = made(words(6000), refreshes=3)
        send(site, page, run.whole)
        strongest = KeptPassage(1200, 1224, 1.0)
        pages = [KeptPage(0, 1, 0.7, 0.4, (strongest,)), KeptPage(0, 0, 0.3, 0.2, (KeptPassage(12, 24, 0.5),))]
        page.evaluate("window.painted = []")
        texts = page_texts(run.prompt)
        near = [Quote(0, 5, 0, *place(texts[0].text, words(6000)[12:18]), similarity=93)]
        exact = [Quote(0, 5, 1, *place(texts[1].text, words(6000)[4212:4218]))]
        send(site, page, {"run": "run", "held": held(pages, [*exact, *near], run.prompt, texts)})
        assert page.get_attribute(".ckm-root", "data-mode") == "passages"
        assert 4200 in seen(page)
        summary = (
            "What the model had in view while this was written · 1 exact quote · "
            "1 sentence nearly word for word (93% alike)"
        )
        assert page.inner_text(".ckm-kept-summary") == summary
        chips = [chip.inner_text() for chip in page.locator(".ckm-chip").all()]
        assert chips == ["report.pdf · page 2 · 70%", "report.pdf · page 1 · 30%"]
        assert page.inner_text(".ckm-page-name") == "report.pdf · page 2 · 70%"
        full, accent = colours(page, "full", "accent")
        top = page.evaluate("document.querySelector('.ckm-text').scrollTop")
        column = [pixel(page, MARGIN + 3, y) for y in range(350)]
        begin = column.index(full)
        assert accent not in column[begin : begin + 44]
        assert accent in column[begin + 44 : begin + 50]  # the quote is the third line of the passage
        page.locator(".ckm-chip").nth(1).click()
        painted(page)
        assert page.evaluate("document.querySelector('.ckm-text').scrollTop") < top
        # The near one stands between dashes: of the line under it a half.
        line = page.evaluate("document.querySelector('.ckm-text').scrollTop")
        dashes = [pixel(page, MARGIN + 2 + x, 40 + 2 * 23 - line + 1) == accent for x in range(80)]
        assert 30 <= sum(dashes) <= 50
        page.click(".ckm-close")
        assert page.get_attribute(".ckm-root", "data-mode") == "share"
        assert page.is_hidden(".ckm-kept")
        assert page.is_hidden(".ckm-mode-passages")


def place(text: str, pieces: list[str]) -> tuple[int, int]:
    """Where these words stand in a page."""
    start = text.index("".join(pieces))
    return start, start + len("".join(pieces))


def test_lines_are_laid_out_again_in_a_narrow_window(site: Site, page: Any) -> None:
    send(site, page, made(words(2000), refreshes=2).whole)
    wide = page.evaluate("document.querySelector('.ckm-text').scrollHeight")
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelector('.ckm-text').scrollHeight") > 1.25 * wide
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_blank_lines_collapse_and_canvas_is_crisp(site: Site, tabs: Tabs) -> None:
    with open_page(site, tabs, device_scale_factor=2) as page:
        few, many = made(["one", "\n\n\n", "two", "."], "few"), made(["one", "\n" * 9, "two", "."], "many")
        heights = []
        for run in (few, many):
            send(site, page, run.whole)
            heights.append(page.evaluate("document.querySelector('.ckm-text .ckm-sizer').style.height"))
        assert heights[0] == heights[1]
        page.click(".ckm-technical summary")
        painted(page)
        sizes = page.evaluate(
            "[...document.querySelectorAll('.ckm-sizer canvas')].map((canvas) => canvas.width / canvas.clientWidth)"
        )
        assert sizes == [2, 2, 2, 2, 2]
