"""What of the page is in sight: the way to a first text, Write at every width, the figures of a run, one press for a
file."""

import re
from pathlib import Path

import pytest
from docx import Document as WordDocument
from fpdf import FPDF
from playwright.sync_api import Page, expect

from tests.browser.stub import StubEngine
from tests.browser.studio import SLOW, Hands, Studio

SIZES = ((1440, 900), (1440, 800), (1024, 768), (390, 844))
DRAFT = "# The rock\n\n" + "The tide came in and the tide went out again.\n\n" * 200
COVERED = """() => [...document.querySelectorAll(
  "#studio :is(button, input, textarea, summary, [tabindex='0'])"
)].filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled).filter((one) => {
  one.focus();
  const { left, right, top, bottom } = one.getBoundingClientRect(), middle = (left + right) / 2;
  const heights = [top + 1, (top + bottom) / 2, bottom - 1].filter((y) => y >= 0 && y < innerHeight);
  const bar = document.querySelector(innerWidth > 760 ? "#bar" : "#actions");
  const covered = (y) => !bar.contains(one) && bar.contains(document.elementFromPoint(middle, y));
  return document.activeElement === one && (!heights.length || heights.every(covered));
}).map((one) => one.outerHTML.slice(0, 200))"""
"""What can have the focus, and is out of sight or wholly under the bar then (WCAG 2.4.11)."""
ON_THE_BAR = """(labels) => labels.filter((label) => {
  const bar = document.querySelector(innerWidth > 760 ? "#bar" : "#actions");
  const box = bar.getBoundingClientRect(), at = label.getBoundingClientRect();
  scrollBy({ top: at.top + at.height / 2 - box.top - box.height / 2, behavior: "instant" });
  const { left, right, top, bottom } = label.getBoundingClientRect(), now = bar.getBoundingClientRect();
  const [x, y] = [(Math.max(left, now.left) + Math.min(right, now.right)) / 2, (top + bottom) / 2];
  const meet = x > left && x < right && x > now.left && x < now.right && y > now.top && y < now.bottom;
  return meet && !bar.contains(document.elementFromPoint(x, y));
}).map((label) => label.innerText)"""
"""Labels that are seen through the bar when they are scrolled to where it is."""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """113 pages, of which one is empty."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for page in range(1, 114):
        pdf.add_page()
        if page != 7:
            pdf.multi_cell(0, 6, f"In the year {1700 + page} the keepers wrote a long letter about the tower. " * 12)
    path = tmp_path_factory.mktemp("books") / "The annual report of the northern lighthouse board.pdf"
    path.write_bytes(bytes(pdf.output()))
    return path


def in_sight(page: Page, selector: str) -> bool:
    """Whether all of it is in the window."""
    box = page.locator(selector).bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    ends = (box["x"] + box["width"], box["y"] + box["height"])
    return min(box["x"], box["y"]) >= 0 and ends[0] <= size["width"] and ends[1] <= size["height"]


def test_the_way_to_a_first_text_is_shown_until_there_is_one(hands: Hands) -> None:
    page = hands.page
    expect(page.locator("#about")).to_contain_text("about long documents with a model on this computer")
    steps, here = page.locator("#steps li"), page.locator("#steps li[aria-current=step]")
    expect(here).to_have_text("1 Add documents")
    hands.press("sample")
    expect(here).to_have_text("2 Say what to write", timeout=60_000)
    expect(steps.first.get_by_role("img", name="done")).to_be_visible()
    detail = page.locator("#detail textarea")
    detail.fill("the lamps")
    expect(here).to_have_text("3 Press Write")
    detail.fill("")
    expect(here).to_have_text("2 Say what to write")
    hands.type("The lamp was lit.")
    expect(page.locator("#steps")).to_be_hidden()
    hands.open()
    expect(hands.area).to_have_value("The lamp was lit.")
    expect(page.locator("#steps")).to_be_hidden()
    hands.press("new-project")
    expect(here).to_have_text("1 Add documents")
    expect(page.locator("#steps")).to_be_visible()


def test_write_is_in_sight_and_covers_nothing_at_every_size(studio: Studio, hands: Hands, book: Path) -> None:
    page = hands.page

    def look() -> None:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("scrollTo(0, 0)")
            for name in ("#write", "#continue", "#stop"):
                assert in_sight(page, name), (width, height, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    look()
    page.locator(".view-preview").click()
    page.locator(".outline-toggle").click()
    look()
    page.locator(".outline-toggle").click()
    page.locator(".view-text").click()
    card = hands.add(book)
    expect(card).to_contain_text("113 pages")
    expect(card.locator(".warnings")).to_contain_text("1 of 113 pages have no text")
    expect(page.locator("#window")).to_contain_text("Pages read", timeout=SLOW)
    look()
    hands.type(DRAFT)
    expect(page.locator("#window")).to_contain_text("Continue:", timeout=SLOW)
    look()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(COVERED) == [], width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_label_of_a_field_stands_on_the_bar(hands: Hands, width: int, height: int) -> None:
    """Those of the method's parameters are long, and under Write while one scrolls."""
    page = hands.page
    page.set_viewport_size({"width": width, "height": height})
    for fold in ("options", "compare"):
        page.locator(f"#{fold} button").first.click()
    labels = page.locator("[data-testid=block-info]:visible")
    expect(labels).not_to_have_count(0)
    assert labels.evaluate_all(ON_THE_BAR) == []


@pytest.mark.usefixtures("endless")
def test_how_far_a_run_is_stands_in_sight_with_stop(hands: Hands) -> None:
    page = hands.page
    hands.type(DRAFT)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("scrollTo(0, 0)")
        hands.press("continue")
        expect(page.locator("#progress")).to_contain_text("Writing")
        expect(page.locator("#rates .rate")).to_have_text(re.compile(r"^\d+\.\d tokens/s$"))
        assert in_sight(page, "#progress")
        assert in_sight(page, "#stop")
        hands.stop()


def test_the_figures_open_and_stay_open_while_they_change(hands: Hands, engine: StubEngine) -> None:
    engine.pace = 0.03
    engine.ending.clear()
    page, figures = hands.page, hands.page.locator("#rates dl")
    expect(page.locator("#rates details")).to_be_hidden()
    hands.type("The lamp was lit")
    hands.press("continue")
    expect(page.locator("#rates .rate")).to_have_text(re.compile(r"^\d+\.\d tokens/s$"))
    expect(figures).to_be_hidden()
    line = page.locator("#rates summary")
    line.focus()
    page.keyboard.press("Enter")
    expect(figures).to_be_visible()
    steps = figures.locator("div").filter(has_text="steps").locator("dd")
    before = steps.inner_text()
    expect(steps).not_to_have_text(before)
    expect(figures).to_be_visible()
    expect(line).to_be_focused()
    hands.stop()


def test_one_press_downloads_the_draft(hands: Hands, tmp_path: Path) -> None:
    page = hands.page
    hands.type("# The rock\n\nThe lamp was lit.")
    name = page.locator("#project-name input, #project-name textarea")
    name.fill("The rock")
    name.press("Enter")
    expect(page.locator("#project-list input")).to_have_value("The rock")
    assert hands.download("docx", tmp_path / "out.docx").endswith(".docx")
    assert [one.text for one in WordDocument(tmp_path / "out.docx").paragraphs] == ["The rock", "The lamp was lit."]
    hands.type("# The rock\n\nThe lamp was lit again.")
    for kind in ("md", "md"):  # the second time, too
        hands.download(kind, tmp_path / "out.md")
        assert "The lamp was lit again." in (tmp_path / "out.md").read_text("utf-8")
    hands.press("export-csv")  # there is no table
    expect(page.locator("#export-problem .notice")).to_be_visible()


def test_a_version_says_its_time_once(hands: Hands) -> None:
    hands.type("The lamp was lit.")
    hands.page.locator("#versions button").first.click()
    hands.press("save-version")
    expect(hands.page.locator("#version-list input")).to_have_value(
        re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d · 17 characters$")
    )
