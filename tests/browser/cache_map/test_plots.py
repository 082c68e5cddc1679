"""The replay, the heatmap, the pages and the layers by steps."""

from typing import Any

from core.events import TokenGenerated
from tests.browser.cache_map.site import (
    GUTTER,
    LINE,
    MARGIN,
    ROW,
    Made,
    Site,
    colours,
    columns,
    made,
    open_page,
    painted,
    pixel,
    refreshed,
    seen,
    send,
    state,
    words,
)
from tests.browser.tabs import Tabs


def test_the_legend_says_what_is_seen_and_the_fold_has_the_figures(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=13)
    send(site, page, run.messages[0])
    assert page.inner_text(".ckm-explanation") == "The model is still reading: nothing is chosen yet."
    send(site, page, run.whole)
    assert page.inner_text(".ckm-explanation") == "The darker a word, the more of the model has it in view."
    assert page.is_hidden(".ckm-figures")
    page.click(".ckm-technical summary")
    assert page.inner_text(".ckm-figures") == (
        "Shade: share of the 90 (layer, KV head) pairs that have the token in view. "
        "A small cache holds 100 of 430 tokens. Refresh 12, step 120, by stride."
    )
    send(site, page, made(words(30), run_id="short", refreshes=3).whole)
    assert "A small cache holds 60 of 60 tokens." in page.inner_text(".ckm-figures")


def test_the_slider_moves_every_view(site: Site, page: Any) -> None:
    """Each refresh holds another line."""
    run = Made(words(300))
    run.add(*(refreshed(run.prompt, number, slice(LINE * number, LINE * number + LINE)) for number in range(10)))
    send(site, page, run.whole)
    assert page.get_attribute(".ckm-root", "data-live") == "true"
    full = colours(page, "full")[0]
    page.click(".ckm-technical summary")
    page.focus(".ckm-slider")
    page.keyboard.press("Home")
    assert state(page)[2] == "0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    painted(page)
    assert state(page)[2] == "2"
    assert page.inner_text(".ckm-which") == "2 of 9 · after 20 tokens"
    assert [pixel(page, MARGIN + 1, 42 + 23 * line) == full for line in range(4)] == [False, False, True, False]
    for box in (".ckm-heat", ".ckm-steps"):
        assert page.get_attribute(box, "aria-valuenow") == "2"
    run.add(refreshed(run.prompt, 10, slice(0, 12)))
    send(site, page, run.messages[-1])
    assert state(page) == ("run", "11", "2")
    page.click(".ckm-live")
    assert state(page)[2] == "10"
    assert page.get_attribute(".ckm-live", "aria-pressed") == "true"


def test_a_replay_runs_to_the_newest_and_can_be_paused(site: Site, page: Any) -> None:
    send(site, page, made(words(300), refreshes=12).whole)
    page.click(".ckm-play")
    page.wait_for_selector(".ckm-root[data-shown='1']")
    assert page.get_attribute(".ckm-play", "aria-label") == "Pause"
    page.click(".ckm-play")
    paused = state(page)
    page.wait_for_timeout(700)
    assert state(page) == paused
    assert page.get_attribute(".ckm-root", "data-live") == "false"
    page.click(".ckm-play")
    page.wait_for_selector(".ckm-root[data-shown='11'][data-live='true']")
    assert page.get_attribute(".ckm-play", "aria-label") == "Play"


def test_the_heatmap_is_refreshes_by_positions(site: Site, page: Any) -> None:
    run = Made(words(3000))
    run.add(refreshed(run.prompt, 0, slice(0, 1000)), refreshed(run.prompt, 1, slice(1000, 2000)))
    send(site, page, run.whole)
    full, domain = colours(page, "full")[0], 3010 + 150
    xs = [GUTTER + columns(page, ".ckm-heat") * position / domain for position in (500, 1250, 2700)]
    rows = [[pixel(page, x, ROW * row + 7, ".ckm-heat canvas") == full for x in xs] for row in (0, 1)]
    assert rows == [[True, False, False], [False, True, False]]
    page.click(".ckm-heat", position={"x": GUTTER + 100, "y": 7})
    assert state(page)[2] == "0"
    page.keyboard.press("ArrowDown")
    assert state(page)[2] == "1"
    assert page.get_attribute(".ckm-heat", "aria-valuetext") == "Refresh 1, step 10, by stride"


def test_two_hundred_refreshes_are_all_in_view(site: Site, page: Any) -> None:
    send(site, page, made(words(1000), refreshes=200).whole)
    height = page.locator(".ckm-heat").bounding_box()["height"]
    for row in (0, 57, 199):
        page.click(".ckm-heat", position={"x": GUTTER + 5, "y": (row + 0.5) * height / 200})
        assert state(page)[2] == str(row)


COUNT_DRAWING = """() => {
window.drawn = { rows: 0, fills: 0 };
for (const [name, kind] of [["putImageData", "rows"], ["fillRect", "fills"]]) {
  const original = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...rest) {
    window.drawn[kind]++;
    return original.apply(this, rest);
  };
}
}"""


def test_a_long_run_is_drawn_row_by_row_and_as_much_of_its_document_as_is_seen(site: Site, page: Any) -> None:
    """8,192 tokens and 200 refreshes: what a refresh and a step of the replay cost does not grow with them."""
    run = made(words(8182), refreshes=200, held=slice(0, 8182))
    page.evaluate(COUNT_DRAWING)
    send(site, page, run.whole)
    assert state(page) == ("run", "200", "199")
    assert page.evaluate("window.drawn.rows") == 200

    run.add(refreshed(run.prompt, 200, slice(0, 8182)))
    page.evaluate("Object.assign(window, { painted: [], drawn: { rows: 0, fills: 0 } })")
    send(site, page, run.messages[-1])
    assert state(page) == ("run", "201", "200")
    assert page.evaluate("window.drawn.rows") == 1
    one = page.evaluate("[window.painted.length, window.drawn.fills]")
    lines = page.evaluate("document.querySelector('.ckm-text').clientHeight") / 23
    assert one[1] < 300 + 2 * LINE * lines  # the marks of the lines in view, and the plots

    page.focus(".ckm-slider")
    page.evaluate("Object.assign(window, { painted: [], drawn: { rows: 0, fills: 0 } })")
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
        painted(page)
    assert state(page)[2] == "190"
    assert page.evaluate("window.drawn.rows") == 0
    assert page.evaluate("window.painted.length") <= 12 * one[0]
    assert page.evaluate("window.drawn.fills") <= 12 * one[1]


def test_a_column_scrolls_the_document_there(site: Site, tabs: Tabs) -> None:
    with open_page(site, tabs, reduced_motion="reduce") as page:
        send(site, page, made(words(6000), refreshes=5).whole)
        x = GUTTER + 0.5 * columns(page, ".ckm-heat")
        page.evaluate("window.painted = []")
        page.click(".ckm-heat", position={"x": x, "y": 7})
        painted(page)
        shown = seen(page)
        assert min(shown) < 0.5 * 6310 - 5 < max(shown)
        assert max(shown) - min(shown) < 600  # only what is in view is painted


def test_the_strip_shows_pages_and_leads_to_them(site: Site, tabs: Tabs) -> None:
    with open_page(site, tabs, reduced_motion="reduce") as page:
        send(site, page, made(words(6000), refreshes=2, held=slice(4500, 6000)).whole)
        assert page.inner_text(".ckm-page-name") == "report.pdf · page 2 · 50%"
        bar = colours(page, "bar")[0]
        first, second = (GUTTER + columns(page, ".ckm-pages") * position / 6310 for position in (1500, 4500))
        assert pixel(page, first, 20, ".ckm-pages canvas") != bar
        assert pixel(page, second, 20, ".ckm-pages canvas") == bar
        page.evaluate("window.painted = []")
        page.click(".ckm-pages", position={"x": second, "y": 30})
        painted(page)
        assert min(seen(page)) <= 3000 <= max(seen(page))
        page.keyboard.press("ArrowLeft")
        assert page.get_attribute(".ckm-pages", "aria-valuetext") == "report.pdf · page 1 · 0%"
        page.evaluate("window.painted = []")
        page.keyboard.press("Enter")
        painted(page)
        assert min(seen(page)) == 0


def test_layers_by_steps_shows_full_steps(site: Site, page: Any) -> None:
    run = Made(words(300))
    run.add(refreshed(run.prompt, 0, slice(0, 8)), TokenGenerated(1, "a", 0, 30, 0.1))
    run.add(*(TokenGenerated(1, "a", step, 0, 0.1) for step in range(1, 10)))
    run.add(refreshed(run.prompt, 1, slice(0, 8), layers=tuple(range(15))), TokenGenerated(1, "a", 10, 15, 0.1))
    run.add(TokenGenerated(1, "a", 11, 30, 0.1), TokenGenerated(1, "a", 12, 0, 0.1))
    send(site, page, *run.messages)
    page.click(".ckm-technical summary")
    painted(page)
    wide, height = columns(page, ".ckm-steps") / 48, 134 - 14
    bar = colours(page, "bar")[0]

    def full(step: int, layer: int) -> bool:
        x, y = GUTTER + (step + 0.6) * wide, (layer + 0.4) * height / 30
        return pixel(page, x, y, ".ckm-steps canvas") == bar

    assert [[full(step, layer) for step in (0, 5, 10, 11, 12)] for layer in (2, 25)] == [
        [True, False, True, True, False],
        [True, False, False, True, False],
    ]
    page.hover(".ckm-steps", position={"x": GUTTER + 10.6 * wide, "y": 20.5 * height / 30})
    assert page.text_content(".ckm-tip") == "Step 10, layer 20: partial\n15 of 30 layers full"
    page.click(".ckm-steps", position={"x": GUTTER + 5.5 * wide, "y": 20})
    assert state(page)[2] == "0"


def test_a_method_that_reads_at_every_step_is_not_said_to_refresh(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=2, method="KeyIndex")
    run.add(*(TokenGenerated(1, "a", step, 0 if step else 30, 0.1) for step in range(12)))
    send(site, page, *run.messages)
    page.click(".ckm-technical summary")
    figures = page.inner_text(".ckm-figures")
    assert figures.endswith("100 of 320 tokens are read in a step. What was read in step 10."), figures
    assert page.inner_text(".ckm-terms").startswith("At every step the model chooses")
    wide = columns(page, ".ckm-steps") / 48
    for step, shown, layers in ((10, "on the map", 30), (5, "not on the map", 0)):
        page.hover(".ckm-steps", position={"x": GUTTER + (step + 0.6) * wide, "y": 20.5 * 120 / 30})
        said = f"Step {step}, layer 20: what was read is {shown}\n{layers} of 30 layers on the map"
        assert page.text_content(".ckm-tip") == said
    assert "efresh" not in page.locator(".ckm-root").inner_text()


def test_the_technical_details_of_full_attention_speak_of_no_choice(site: Site, page: Any) -> None:
    assert page.text_content(".ckm-terms") == ""  # of no run yet
    run = Made(words(300), method="FullAttention")
    run.add(*(TokenGenerated(1, "a", step, 30, 0.1) for step in range(5)))
    send(site, page, *run.messages)
    assert (page.text_content(".ckm-terms") or "").endswith("there is no choice to show.")


def test_hovering_tells_what_is_there(site: Site, page: Any) -> None:
    send(site, page, made(words(300), refreshes=2, held=slice(0, 12)).whole)
    page.hover(".ckm-text", position={"x": MARGIN + 5, "y": 52})
    assert page.text_content(".ckm-tip") == "report.pdf · page 1\nposition 5\nin view: 100%"
    page.hover(".ckm-heat", position={"x": GUTTER + 1, "y": ROW + 7})
    lines = (page.text_content(".ckm-tip") or "").split("\n")
    assert lines[:2] == ["Refresh 1, step 10, by stride", "30 layers refreshed"]
    page.hover(".ckm-pages", position={"x": GUTTER + 20, "y": 20})
    assert page.text_content(".ckm-tip") == "report.pdf · page 1 · 8%"
    page.mouse.move(2, 2)
    assert page.is_hidden(".ckm-tip")


def test_a_finger_chooses_a_refresh_on_a_phone(site: Site, tabs: Tabs) -> None:
    with open_page(site, tabs, width=390, has_touch=True) as page:
        send(site, page, made(words(2000), refreshes=5).whole)
        page.tap(".ckm-heat", position={"x": GUTTER + 30, "y": 2 * ROW + 7})
        assert state(page)[2] == "2"
