"""Dropdowns by keyboard, mouse and input method, on a page that holds nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import gradio as gr
import pytest
from playwright.sync_api import Locator, Page, expect

from app.settings import Settings
from app.web.server import Server
from tests.app.conftest import wait
from tests.browser.tabs import Tabs

OPEN = "[role=combobox][aria-expanded=true]"
COLOURS = ["red", "green", "blue", "yellow"]


class Site:
    """A fixed list, one that is filtered, and one that takes what is typed; and what the server hears of them."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        with gr.Blocks(analytics_enabled=False) as blocks:
            for name, options in (("fixed", {"filterable": False}), ("filtered", {}), ("free", {"custom": True})):
                custom = options.pop("custom", False)
                field = gr.Dropdown(
                    COLOURS, value="green", label=name, elem_id=name, allow_custom_value=custom, **options
                )
                field.input(self.hear(name), field, queue=False)
            gr.Button("Last", elem_id="last")
            gr.HTML("<div style='height: 3000px'></div>")
        self.server = Server(blocks, Settings(_env_file=None, host="127.0.0.1"))  # type: ignore[call-arg]

    def hear(self, name: str):  # noqa: ANN201
        def heard(value: str) -> None:
            self.heard.append((name, value))

        return heard


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.close()


@pytest.fixture
def site(served: Site) -> Site:
    served.heard.clear()
    return served


@pytest.fixture
def page(site: Site, tabs: Tabs) -> Iterator[Page]:
    with tabs.open(site.server.url, viewport={"width": 1280, "height": 720}) as page:
        page.goto(site.server.url)
        expect(field(page, "free")).to_have_value("green")
        expect(page.locator("#last")).to_be_visible()
        yield page


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} input")


def test_tab_opens_no_list_and_tells_the_server_nothing(site: Site, page: Page) -> None:
    for name in ("fixed", "filtered", "free"):
        page.keyboard.press("Tab")
        expect(field(page, name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#last")).to_be_focused()
    for name in ("free", "filtered", "fixed"):
        page.keyboard.press("Shift+Tab")
        expect(field(page, name)).to_be_focused()
        expect(page.get_by_role("listbox")).to_have_count(0)
    # What came first has arrived when what comes last has.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait(lambda: site.heard == [("fixed", "blue")])


@pytest.mark.parametrize("name", ["fixed", "filtered", "free"])
@pytest.mark.parametrize("key", ["ArrowDown", "ArrowUp", "Enter"])
def test_a_list_opened_by_a_key_is_gone_when_its_field_is_left(page: Page, name: str, key: str) -> None:
    field(page, name).focus()
    expect(field(page, name)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press(key)
    expect(page.get_by_role("option")).to_have_count(4)
    expect(page.get_by_role("option", selected=True)).to_have_text(re.compile("green"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(page.locator(OPEN)).to_have_count(0)
    expect(field(page, name)).to_have_value("green")


def test_keys_choose_and_the_focus_stays(site: Site, page: Page) -> None:
    field(page, "fixed").focus()
    for key in ("Enter", "End", "Enter"):
        page.keyboard.press(key)
    expect(field(page, "fixed")).to_have_value("yellow")
    expect(field(page, "fixed")).to_be_focused()
    expect(page.get_by_role("listbox")).to_have_count(0)
    wait(lambda: site.heard == [("fixed", "yellow")])
    page.keyboard.press("Tab")
    expect(field(page, "filtered")).to_be_focused()


def test_a_mouse_opens_chooses_and_leaves(site: Site, page: Page) -> None:
    field(page, "filtered").click()
    page.get_by_role("option", name="blue").click()
    expect(field(page, "filtered")).to_have_value("blue")
    expect(page.get_by_role("listbox")).to_have_count(0)
    wait(lambda: ("filtered", "blue") in site.heard)
    page.locator("#fixed .icon-wrap").click(force=True)
    expect(field(page, "fixed")).to_have_attribute("aria-expanded", "true")
    page.locator("#last").click()
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_what_is_typed_filters_and_is_taken_where_that_is_allowed(site: Site, page: Page) -> None:
    field(page, "filtered").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("blu")
    expect(page.get_by_role("option")).to_have_text([re.compile("blue")])
    page.keyboard.press("Enter")
    expect(field(page, "filtered")).to_have_value("blue")
    field(page, "free").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("pink")
    page.keyboard.press("Tab")
    expect(page.get_by_role("listbox")).to_have_count(0)
    wait(lambda: {("filtered", "blue"), ("free", "pink")} <= set(site.heard))


def test_what_is_typed_after_a_click_takes_the_place_of_what_was_chosen(site: Site, page: Page) -> None:
    field(page, "free").click()
    page.keyboard.type("pin")
    field(page, "free").click()  # the caret goes where it was clicked
    page.keyboard.press("End")
    page.keyboard.type("k")
    page.keyboard.press("Enter")
    expect(field(page, "free")).to_have_value("pink")
    wait(lambda: ("free", "pink") in site.heard)


def test_what_comes_without_keys_filters_too(site: Site, page: Page) -> None:
    field(page, "free").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("yell")  # as an input method and the clipboard do
    expect(page.get_by_role("option")).to_have_text([re.compile("yellow")])
    page.keyboard.press("Enter")
    wait(lambda: ("free", "yellow") in site.heard)


def test_escape_closes_the_list_and_the_field_stays_in_use(site: Site, page: Page) -> None:
    page.evaluate("() => document.addEventListener('keydown', (event) => { window.stops = !event.defaultPrevented; })")
    field(page, "fixed").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(field(page, "fixed")).to_be_focused()
    assert page.evaluate("window.stops") is False  # a run goes on
    page.keyboard.press("Escape")
    assert page.evaluate("window.stops") is True
    page.keyboard.press("Enter")
    expect(field(page, "fixed")).to_have_attribute("aria-expanded", "true")


def test_a_list_closes_when_the_page_is_scrolled(page: Page) -> None:
    field(page, "filtered").click()
    expect(page.get_by_role("listbox")).to_have_count(1)
    page.mouse.move(600, 600)
    page.mouse.wheel(0, 200)
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(field(page, "filtered")).to_have_value("green")


def test_keys_of_the_page_go_past_a_list(page: Page) -> None:
    page.evaluate("""document.addEventListener("keydown", (event) => {
      if (event.ctrlKey && event.key === "Enter") { event.preventDefault(); window.written = event.target.id; }
    })""")
    field(page, "fixed").focus()
    page.keyboard.press("Control+Enter")
    assert page.evaluate("window.written") == ""  # of the page's body
    expect(field(page, "fixed")).to_be_focused()
    expect(page.locator(OPEN)).to_have_count(0)


def test_a_list_that_opens_late_is_closed(page: Page) -> None:
    field(page, "filtered").focus()
    # Gradio looks at the key after the field was left.
    field(page, "filtered").evaluate("""(field) => {
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true }));
      document.querySelector("#last").focus();
    }""")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    expect(page.locator(OPEN)).to_have_count(0)
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_a_list_opened_where_the_page_has_just_been_scrolled_to_stays(page: Page) -> None:
    page.set_viewport_size({"width": 800, "height": 120})
    page.evaluate("() => new Promise((done) => { scrollTo(0, 1000); requestAnimationFrame(() => setTimeout(done)); })")
    # The event of the scrolling comes when the list is open.
    page.evaluate(
        "() => { document.querySelector('#free').scrollIntoView(); document.querySelector('#free input').click(); }"
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    expect(field(page, "free")).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("option")).to_have_count(4)
