"""Texts about the whole of a document that is longer than the model's window."""

import re
from pathlib import Path

import pytest
from fpdf import FPDF
from playwright.sync_api import expect

from tests.browser.stub import StubEngine
from tests.browser.studio import SLOW, Hands

CHAPTERS = ("The rock", "The builders", "The lamp", "The fog signal", "The keepers", "The boats", "The storms", "Today")
PAGES = 200
SAID = re.compile(r"(?P<begin>[A-Z][^.()#]*?) \(p\. (?P<page>\d+)\)\.")
SECTIONS = re.compile(rf"Sections: {len(CHAPTERS)}\. Pages read: {PAGES}; written from: \d+\.")
OWN = "The sentences are the documents' own"


def sentences(page: int, pages: int = PAGES) -> list[str]:
    """What stands on a page of a book of so many."""
    chapter = CHAPTERS[(page - 1) * len(CHAPTERS) // pages].lower()
    return [
        f"In the year {1700 + page} the keepers wrote a long letter about {chapter} to the owners of the tower.",
        f"The letter says that {page + 2} men and {page + 5} boats had come over the sea to look at {chapter}.",
        f"The answer about {chapter} came after {page + 9} days with the mail coach and was put into a drawer.",
    ]


def write_book(path: Path, pages: int) -> Path:
    """Chapters of the same length, with an outline."""
    pdf = FPDF()
    for page in range(1, pages + 1):
        pdf.add_page()
        if (page - 1) % (pages // len(CHAPTERS)) == 0:
            title = CHAPTERS[(page - 1) * len(CHAPTERS) // pages]
            pdf.set_font("Helvetica", style="B", size=20)
            pdf.start_section(title)
            pdf.cell(0, 16, title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=12)
        pdf.multi_cell(0, 6, " ".join(sentences(page, pages)))
    path.write_bytes(bytes(pdf.output()))
    return path


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of 200 pages."""
    return write_book(tmp_path_factory.mktemp("books") / "island.pdf", PAGES)


def headings(text: str) -> list[str]:
    """Of a draft's sections."""
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


@pytest.mark.usefixtures("small")
def test_a_report_about_a_long_book_has_its_chapters_sentences_and_pages(hands: Hands, book: Path) -> None:
    window = hands.page.locator("#window")
    hands.add(book)
    expect(window).to_contain_text(SECTIONS, timeout=SLOW)
    expect(window).to_contain_text(OWN)
    hands.press("write")
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    title, *sections = re.split(r"^## .*\n\n", hands.text, flags=re.MULTILINE)
    assert title == "# island\n\n"
    assert headings(hands.text) == list(CHAPTERS)
    for number, section in enumerate(sections):
        said = list(SAID.finditer(section))
        assert said
        for sentence in said:
            page = int(sentence["page"])
            assert (page - 1) * len(CHAPTERS) // PAGES == number
            assert f"{sentence['begin']}." in sentences(page)


@pytest.mark.usefixtures("small")
def test_a_report_that_was_stopped_goes_on_within_the_section(hands: Hands, engine: StubEngine, book: Path) -> None:
    engine.pace = 0.1
    hands.add(book)
    expect(hands.page.locator("#window")).to_contain_text(SECTIONS, timeout=SLOW)
    hands.press("write")
    expect(hands.area).to_have_value(re.compile(f"## {CHAPTERS[1]}"), timeout=SLOW)
    engine.ending.clear()  # this section or the next has no end now
    hands.stop()
    stopped, engine.pace = hands.text, 0.004
    done = len(headings(stopped))
    assert 2 <= done < len(CHAPTERS)
    left = len(CHAPTERS) - done + 1  # with the rest of the one that was stopped
    expect(hands.page.locator("#window")).to_contain_text(f"Continue: Sections: {left}.")
    engine.ending.set()
    hands.press("continue")
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    assert hands.text.startswith(stopped.rstrip())
    assert headings(hands.text) == list(CHAPTERS)


@pytest.mark.usefixtures("small")
def test_a_reload_in_the_middle_of_a_report_shows_it_going_on(hands: Hands, engine: StubEngine, book: Path) -> None:
    engine.pace = 0.05
    hands.add(book)
    hands.press("write")
    hands.wait_for_words(f"# island\n\n## {CHAPTERS[0]}\n\n", 4)
    before = hands.text
    hands.open()
    expect(hands.area).to_have_value(re.compile("^" + re.escape(before[:60])), timeout=30_000)
    expect(hands.page.locator("#progress")).to_contain_text("Writing", timeout=30_000)
    engine.pace = 0.004
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    assert hands.text.startswith(before)
    assert headings(hands.text) == list(CHAPTERS)


@pytest.mark.usefixtures("small")
def test_the_models_own_words_are_had_where_they_are_chosen(hands: Hands, book: Path) -> None:
    window = hands.page.locator("#window")
    hands.add(book)
    expect(window).to_contain_text(OWN, timeout=SLOW)
    hands.page.locator("#options button").first.click()
    hands.page.locator("#wording").get_by_text("The model's own").click()
    expect(window).not_to_contain_text(OWN)
    expect(window).to_contain_text(SECTIONS)
    hands.press("write")
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    assert headings(hands.text) == list(CHAPTERS)


def test_a_question_about_a_long_book_is_answered_from_the_pages_about_it(hands: Hands, book: Path) -> None:
    window = hands.page.locator("#window")
    hands.add(book)
    hands.page.locator("#task input").click()
    hands.page.get_by_role("option", name="My own instruction").click()
    detail = hands.page.locator("#detail textarea")
    detail.fill("What did the builders write in 1730?")
    detail.blur()
    expect(window).to_contain_text(re.compile(rf"Longer than the window: reads the \d+ of {PAGES} pages"), timeout=SLOW)
    hands.press("write")
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    assert len(hands.text.split()) > 20
