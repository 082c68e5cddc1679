"""What the model looks at, in words and followed; what the small cache is made of; what was written from a sentence."""

from typing import Any

from core.events import CacheRefreshed, TokenGenerated
from tests.browser.cache_map.site import (
    HEADS,
    LINE,
    MARGIN,
    Made,
    Site,
    answered,
    colours,
    made,
    open_page,
    painted,
    pixel,
    refresh_of,
    refreshed,
    send,
    words,
)
from tests.browser.tabs import Tabs

DRAFT = """() => {
window.marked = [];
const draft = document.createElement("div");
draft.id = "draft";
draft.draft = { text: () => window.written, mark: (spans, caret) => window.marked.push([spans, caret]) };
document.body.append(draft);
}"""


def of_own(run: Made, number: int, held: int, own: int) -> CacheRefreshed:
    """A refresh that holds `held` tokens of the document and as many as `own` of what was written."""
    counts = refreshed(run.prompt, number, slice(0, held)).kept_by_layer
    counts[:, len(run.prompt.token_ids) : len(run.prompt.token_ids) + own] = HEADS
    return refresh_of(number, counts)


def top(page: Any) -> float:
    return float(page.evaluate("document.querySelector('.ckm-text').scrollTop"))


def test_the_map_follows_the_page_that_is_looked_at_until_the_person_scrolls(site: Site, tabs: Tabs) -> None:
    """Page 2 is held always; then page 1 as well."""
    with open_page(site, tabs, reduced_motion="reduce") as page:
        run = Made(words(6000))
        site.feed = run.feed
        run.add(*(refreshed(run.prompt, number, slice(4500, 4560)) for number in range(5)))
        send(site, page, *run.messages)
        assert page.inner_text(".ckm-looking") == "Looking at page 2 of report.pdf"
        assert top(page) > 0
        assert page.is_hidden(".ckm-follow")
        known = len(run.messages)
        run.add(*(refreshed(run.prompt, number, slice(600, 4560)) for number in range(5, 8)))
        send(site, page, *run.messages[known:])
        assert page.inner_text(".ckm-looking") == "Looking at page 1 of report.pdf"
        first = top(page)
        assert page.is_hidden(".ckm-follow")

        page.hover(".ckm-text")
        page.mouse.wheel(0, 400)
        page.wait_for_function(f"document.querySelector('.ckm-text').scrollTop > {first + 100}")
        page.wait_for_selector(".ckm-follow:not([hidden])")
        own = top(page)
        known = len(run.messages)
        run.add(*(refreshed(run.prompt, number, slice(4500, 4560)) for number in range(8, 14)))
        send(site, page, *run.messages[known:])
        assert page.inner_text(".ckm-looking") == "Looking at page 2 of report.pdf"
        assert top(page) == own
        page.click(".ckm-follow")
        painted(page)
        assert top(page) > own
        assert page.is_hidden(".ckm-follow")


def test_the_small_cache_is_told_in_parts_and_a_warning_comes_and_goes(site: Site, page: Any) -> None:
    run = Made(words(300))
    run.add(of_own(run, 0, 60, 0), of_own(run, 1, 60, 10))
    send(site, page, *run.messages)
    parts = [part.inner_text() for part in page.locator(".ckm-parts b").all()]
    assert parts == ["93% documents", "7% its own text", "0% instruction"]
    assert page.is_hidden(".ckm-away")
    known = len(run.messages)
    run.add(*(of_own(run, number, 5, 35) for number in (4, 5, 6)))
    send(site, page, *run.messages[known:])
    assert page.inner_text(".ckm-looking") == "Looking at its own text"
    assert page.inner_text(".ckm-away").startswith("The model hardly looks at the documents any more: 13% of what")
    bar, own = colours(page, "bar", "own")
    box = page.locator(".ckm-mix").bounding_box()
    at = box["width"] * 0.7
    assert pixel(page, at, box["height"] - 2, ".ckm-mix canvas") == bar
    assert pixel(page, at, 6, ".ckm-mix canvas") == own
    known = len(run.messages)
    run.add(*(of_own(run, number, 60, 5) for number in (7, 8)))
    send(site, page, *run.messages[known:])
    assert page.is_hidden(".ckm-away")
    page.click(".ckm-mix", position={"x": 3, "y": 9})
    assert page.get_attribute(".ckm-root", "data-shown") == "0"


def with_words(*held: slice) -> Made:
    """A refresh every ten words, each with other tokens in view."""
    run = Made(words(300))
    for number, part in enumerate(held):
        run.add(refreshed(run.prompt, number, part))
        run.add(*(TokenGenerated(1, f"w{10 * number + i} ", 10 * number + i, 0, 0.1) for i in range(10)))
    return run


def test_a_replay_shows_what_was_being_written_in_the_draft_and_on_the_map(site: Site, page: Any) -> None:
    run = with_words(*[slice(0, LINE)] * 4)
    text = "".join(f"w{i} " for i in range(40))
    page.evaluate(f"window.written = 'Mine. {text}'")
    page.evaluate(DRAFT)
    send(site, page, run.whole)
    assert page.is_hidden(".ckm-written")
    page.focus(".ckm-slider")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".ckm-written mark").strip() == text[text.index("w10") : text.index("w20")].strip()
    begin = 6 + text.index("w10")
    assert page.evaluate("window.marked.at(-1)") == [[[begin, begin + 40]], True]
    # Where the passage is not in the draft any more, the map alone shows it.
    page.evaluate("document.querySelector('#draft').draft.text = () => 'Nothing of it.'")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".ckm-written mark").startswith("w20 w21")
    assert page.evaluate("window.marked.at(-1)") == [[], True]
    page.keyboard.press("End")
    assert page.is_hidden(".ckm-written")
    assert page.evaluate("window.marked.at(-1)") == [[], False]


def test_a_sentence_lights_up_what_was_written_while_it_was_in_view(site: Site, page: Any) -> None:
    """The second page is one paragraph; the first line of the first is in view at the beginning and again."""
    run = with_words(slice(0, LINE), slice(150, 160), slice(0, LINE), slice(150, 160))
    text = "".join(f"w{i} " for i in range(40))
    page.evaluate(f"window.written = '{text}'")
    page.evaluate(DRAFT)
    send(site, page, run.whole)
    page.evaluate("document.querySelector('.ckm-text').scrollTop = 0")
    painted(page)
    page.click(".ckm-text", position={"x": MARGIN + 10, "y": 52})
    assert page.is_visible(".ckm-sentence")
    summary = page.inner_text(".ckm-sentence-summary")
    spans, caret = page.evaluate("window.marked.at(-1)")
    assert (summary, len(spans), caret) == ("2 passages were written while this sentence was in view.", 2, False)
    assert [text[a:b].split(" ")[0] for a, b in spans] == ["w0", "w20"]
    chips = page.locator(".ckm-sentence-texts .ckm-chip")
    chips.nth(1).click()
    assert page.evaluate("window.marked.at(-1)[0]") == [spans[1]]
    page.click(".ckm-sentence-close")
    assert page.is_hidden(".ckm-sentence")
    assert page.evaluate("window.marked.at(-1)") == [[], False]


def test_a_replay_goes_on_in_the_next_section(site: Site, page: Any) -> None:
    series = {"place": [1, 2, "The lamp"], "runs": ["run", "other"], "at": 0}
    send(site, page, {**with_words(*[slice(0, LINE)] * 3).whole, "series": series})
    assert page.inner_text(".ckm-section") == "Section 1 of 2: The lamp"
    assert page.is_disabled(".ckm-earlier")
    with answered(page):
        page.click(".ckm-play")
        page.wait_for_function("document.querySelector('.ckm-root').dataset.live === 'true'")
        site.wait_for("turn", {"run": "other"})
    other = made(words(300), "other", refreshes=4)
    send(site, page, {**other.whole, "series": {**series, "place": [2, 2, "The fog"], "at": 1}})
    assert page.get_attribute(".ckm-root", "data-run") == "other"
    page.wait_for_selector(".ckm-root[data-run='other'][data-shown='3'][data-live='true']")
    assert page.inner_text(".ckm-section") == "Section 2 of 2: The fog"
    page.click(".ckm-earlier")
    site.wait_for("turn", {"run": "run"})
