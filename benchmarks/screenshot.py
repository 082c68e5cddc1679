"""Takes the README's screenshots: the app with the sample report and the embedded model, while it writes and after.

python -m benchmarks.screenshot [--section 3] [--out assets/screenshot.png]
python -m benchmarks.screenshot --evidence --dark --out assets/evidence.png
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect, sync_playwright

from app.engine.engine import Engine, named_model
from app.project.commands import Commands
from app.project.sessions import Sessions
from app.settings import load_settings
from app.store import open_store
from app.web.context import AppContext
from app.web.page import build
from app.web.server import Server
from core import compile_decoding

ASSETS = Path(__file__).resolve().parent.parent / "assets"
DEBIAN = Path("/usr/bin/chromium")
PATIENCE = 240_000  # ms


def write(page: Page, section: int) -> None:
    """Load the sample and have a report written, up to the middle of a section."""
    expect(page.locator("#model-line")).to_contain_text("window", timeout=PATIENCE)
    expect(page.locator("#model-line")).not_to_contain_text("compiling", timeout=PATIENCE)
    page.locator("#sample").click()
    expect(page.locator("#window")).to_contain_text("Pages read", timeout=PATIENCE)
    page.locator("#write").click()
    area = page.locator("#draft textarea")
    expect(area).to_have_value(re.compile(rf"(?:## [^#]+){{{section}}}[^#]{{120}}"), timeout=PATIENCE)
    expect(page.locator(".ckm-root")).to_have_attribute("data-refreshes", re.compile(r"[1-9]"), timeout=PATIENCE)


def look_at_a_passage(page: Page) -> None:
    """When the text has ended, click into what the model wrote, and wait until the map shows what it kept."""
    area = page.locator("#draft textarea")
    expect(area).to_be_editable(timeout=PATIENCE)
    area.evaluate("(area) => { area.scrollTop = 0; }")
    area.click(position={"x": 240, "y": 230})
    expect(page.locator(".ckm-root")).to_have_attribute("data-mode", "passages", timeout=PATIENCE)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # the document scrolls there


def main() -> None:
    """Start the app, write, and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--section", type=int, default=3, help="of the report, that is written then")
    parser.add_argument("--out", type=Path, default=ASSETS / "screenshot.png")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=1340)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--evidence", action="store_true", help="what the model kept while it wrote a passage")
    arguments = parser.parse_args()
    settings = load_settings()
    model = named_model(settings.model, settings.quantization or "none")
    engine = Engine(model, settings.queue_size, compilation=compile_decoding)
    engine.start()
    folder = TemporaryDirectory()
    store = open_store(Path(folder.name))
    sessions = Sessions(store, settings.limits, settings.session_minutes)
    server = Server(build(settings, AppContext(Commands(settings, engine), sessions, shared=False)), settings)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=DEBIAN if DEBIAN.exists() else None, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": arguments.width, "height": arguments.height})
            page.goto(f"{server.url}?__theme={'dark' if arguments.dark else 'light'}")
            write(page, arguments.section)
            if arguments.evidence:
                look_at_a_passage(page)
            page.screenshot(path=arguments.out)
            browser.close()
    finally:
        server.close()
        sessions.close()
        engine.close()
        store.close()
        folder.cleanup()


if __name__ == "__main__":
    main()
