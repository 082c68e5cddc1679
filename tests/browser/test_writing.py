"""The whole page in Chromium, with the embedded model: a real PDF in, a text out, and what is refused."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfWriter
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from app.engine import Engine
from app.handlers import Handlers
from app.settings import Settings
from app.ui import build, launch_options

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assets" / "samples" / "lighthouses.pdf"
SLOW = 180_000  # ms: a busy machine with two cores reads the pages and writes within this


@pytest.fixture(scope="module")
def engine(smollm2: tuple[PreTrainedModel, PreTrainedTokenizerBase]) -> Iterator[Engine]:
    engine = Engine(lambda report: smollm2, queue_size=4)
    engine.start()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    settings = Settings(_env_file=None, max_file_megabytes=1)
    page = build(settings, Handlers(settings, engine))
    options = {**launch_options(settings), "server_name": "127.0.0.1", "quiet": True, "inbrowser": False}
    _, address, _ = page.queue().launch(prevent_thread_lock=True, **options)
    yield address
    page.close()


@pytest.fixture
def page(url: str, browser: Browser) -> Iterator[Page]:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    expect(page.locator("#model-line")).to_contain_text("window 8,192 tokens", timeout=60_000)
    yield page
    page.context.close()
    assert errors == []


def upload(page: Page, *paths: Path) -> None:
    page.locator("#files input[type=file]").first.set_input_files([str(path) for path in paths])


def draft(page: Page) -> str:
    return page.locator("#draft textarea").input_value()


def test_a_pdf_is_read_written_about_and_stopped(page: Page) -> None:
    upload(page, SAMPLE)
    card = page.locator(".block.file-card")
    expect(card).to_contain_text("8 pages · ", timeout=60_000)
    expect(page.locator("#window")).to_contain_text("It fits")
    pages = page.locator(".pages textarea, .pages input")
    pages.fill("1-2")
    pages.press("Enter")
    expect(card).to_contain_text("2 of 8 pages · ")

    page.locator("#write").click()
    expect(page.locator("#progress")).to_contain_text(re.compile(r"Reading the document: [\d,]+ of [\d,]+ tokens"))
    expect(page.locator("#draft textarea")).to_have_value(re.compile(r"\w+ \w+"), timeout=SLOW)
    expect(page.locator(".ckm-root")).to_have_attribute("data-refreshes", re.compile(r"[2-9]|\d\d"), timeout=SLOW)
    expect(page.locator("#rates .rates > div", has_text="tokens/s").first.locator("dd")).to_have_text(
        re.compile(r"\d+\.\d")
    )
    expect(page.locator("#rates .rates > div", has_text="partial step").locator("dd")).to_have_text(
        re.compile(r"\d+ ms")
    )
    expect(page.locator("#rates .rates > div", has_text="full steps").locator("dd")).to_have_text(re.compile(r"\d+%"))
    expect(page.locator(".ckm-explanation")).to_contain_text("of the 90 (layer, KV head) pairs")

    page.locator("#stop").click()
    expect(page.locator("#progress")).to_contain_text("Stopped", timeout=30_000)
    expect(page.locator("#write")).to_be_enabled()
    expect(page.locator("#draft textarea")).to_be_editable()
    written = draft(page)

    # Continue goes on from the edited end, and reads only what is new.
    page.locator("#draft textarea").fill(written + " Moreover,")
    page.locator("#continue").click()
    beginning = re.escape(written + " Moreover,")
    expect(page.locator("#draft textarea")).to_have_value(re.compile(rf"^{beginning}.+", re.DOTALL), timeout=SLOW)
    page.locator("#stop").click()
    expect(page.locator("#progress")).to_contain_text("Stopped", timeout=30_000)


def test_what_cannot_be_read_says_why_and_the_rest_stays(page: Page, tmp_path: Path) -> None:
    secret = tmp_path / "secret.pdf"
    writer = PdfWriter(clone_from=SAMPLE)
    writer.encrypt("rock", algorithm="AES-256")
    writer.write(secret)
    scanned = PdfWriter()
    scanned.add_blank_page(200, 200)
    files = {
        "scan.pdf": None,
        "broken.pdf": b"%PDF-1.4 nothing else",
        "empty.txt": b"",
        "picture.txt": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "huge.txt": b"x" * 1_200_000,
        "good.md": b"# Notes\n\nThe lamp was lit in 1759 by ${window.pwned = 1} <img src=x onerror='pwned=1'>.",
    }
    for name, content in files.items():
        if content is None:
            scanned.write(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(content)
    page.locator("#draft textarea").fill("My own words.")
    upload(page, *(tmp_path / name for name in files), secret)

    cards = page.locator(".block.file-card")
    expect(cards).to_have_count(7, timeout=60_000)
    for name, reason in (
        ("scan.pdf", "no text"),
        ("broken.pdf", "damaged"),
        ("empty.txt", "empty"),
        ("picture.txt", "holds other data"),
        ("huge.txt", "1.2 MB"),
        ("secret.pdf", "password"),
    ):
        expect(cards.filter(has_text=name)).to_contain_text(re.compile(reason, re.IGNORECASE))
    expect(cards.filter(has_text="good.md")).to_contain_text("1 page · ")

    password = page.locator(".password input")
    password.fill("wrong")
    password.press("Enter")
    expect(cards.filter(has_text="secret.pdf")).to_contain_text(re.compile("does not open|wrong", re.IGNORECASE))
    password = page.locator(".password input")
    password.fill("rock")
    password.press("Enter")
    expect(cards.filter(has_text="secret.pdf")).to_contain_text("8 pages · ")
    assert draft(page) == "My own words."
    assert page.evaluate("window.pwned") is None


def test_a_document_longer_than_the_window_asks_for_a_choice_of_pages(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("\f".join("The tide came in and the tide went out again. " * 220 for _ in range(5)))
    upload(page, path)
    expect(page.locator("#window")).to_contain_text(re.compile(r"Too long by [\d,]+ tokens"), timeout=60_000)
    page.locator("#write").click()
    expect(page.locator("#progress")).to_contain_text("Too long by")
    assert draft(page) == ""
    pages = page.locator(".pages textarea, .pages input")
    pages.fill("1-3")
    pages.press("Enter")
    expect(page.locator("#window")).to_contain_text("It fits")


def test_closing_the_page_stops_its_run(page: Page, engine: Engine) -> None:
    upload(page, SAMPLE)
    expect(page.locator("#window")).to_contain_text("It fits", timeout=60_000)
    page.locator("#write").click()
    expect(page.locator("#progress")).to_contain_text("Reading the document", timeout=SLOW)
    assert [run.state for run in engine.current()] == ["running"]
    page.close()
    end = time.monotonic() + 60
    while engine.current():
        assert time.monotonic() < end, "the run goes on for a page that is gone"
        time.sleep(0.1)
