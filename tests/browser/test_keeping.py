"""Nothing is lost: a reload in the middle of a run, a server that is killed, another project, another person."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.engine import Engine
from tests.browser.studio import SLOW, Hands, Studio

ROOT = Path(__file__).parents[2]


def test_a_reload_in_the_middle_of_a_run_attaches_to_it(hands: Hands) -> None:
    hands.sample("1")
    hands.press("write")
    hands.wait_for_words("# Report\n\n## Introduction\n\n", 4)
    before = hands.text
    hands.open()
    expect(hands.area).to_have_value(re.compile("^" + re.escape(before[:60])), timeout=30_000)
    expect(hands.page.locator("#progress")).to_contain_text("Writing", timeout=30_000)
    hands.wait_for_words(before, 3)  # it goes on
    expect(hands.page.locator(".ckm-root")).to_have_attribute("data-refreshes", re.compile(r"\d+"), timeout=30_000)
    hands.stop()
    assert hands.text.startswith(before)
    expect(hands.page.locator(".block.file-card")).to_contain_text("1 of 8 pages")


def test_a_run_ends_and_is_kept_though_its_page_is_gone(studio: Studio, hands: Hands, browser: Browser) -> None:
    hands.type("The lamp was lit")
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 1)
    hands.page.close()
    end = time.monotonic() + SLOW / 1000
    while studio.engine.current():
        assert time.monotonic() < end
        time.sleep(0.1)
    later = Hands(browser.new_context().new_page(), studio.url)
    expect(later.area).to_have_value(re.compile(r"^The lamp was lit(\s*\S+\s+){20}"), timeout=30_000)
    later.page.context.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_server_loses_at_most_the_last_second(browser: Browser, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "REFRESHKV_DATA_FOLDER": str(tmp_path), "REFRESHKV_PORT": str(port), "REFRESHKV_DOCUMENT_DISK_GIGABYTES": "0",
        "GRADIO_SERVER_NAME": "127.0.0.1",
    }  # fmt: skip

    def serve() -> subprocess.Popen[bytes]:
        server = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return server
            time.sleep(0.1)
        raise AssertionError("the app does not answer")

    server = serve()
    page = browser.new_context().new_page()
    try:
        hands = Hands(page, f"http://127.0.0.1:{port}")
        hands.area.focus()
        page.keyboard.type("These are the words of an afternoon.")
        time.sleep(1)
        server.send_signal(signal.SIGKILL)
        server.wait()
        server = serve()
        hands.open()
        expect(hands.area).to_have_value("These are the words of an afternoon.", timeout=30_000)
    finally:
        page.context.close()
        server.kill()
        server.wait()


def test_projects_are_opened_again_with_their_sources_and_drafts(hands: Hands) -> None:
    page = hands.page
    hands.sample("1-2")
    hands.type("About the light.")
    name = page.locator("#project-name input, #project-name textarea")
    expect(name).to_have_value("lighthouses")  # after its first source
    hands.press("new-project")
    expect(hands.area).to_have_value("", timeout=30_000)
    expect(page.locator(".block.file-card")).to_have_count(0)
    name.fill("Another")
    name.press("Enter")
    hands.type("Something else.")
    page.locator("#project-list input").click()
    page.get_by_role("option", name="lighthouses").click()
    expect(hands.area).to_have_value("About the light.", timeout=30_000)
    expect(page.locator(".block.file-card")).to_contain_text("2 of 8 pages")


def test_strangers_on_a_shared_computer_do_not_see_each_other(engine: Engine, browser: Browser, tmp_path: Path) -> None:
    studio = Studio(engine, tmp_path / "shared", shared=True)
    one, other = (Hands(browser.new_context().new_page(), studio.url) for _ in range(2))
    one.type("My secret.")
    other.open()
    expect(other.area).to_have_value("")
    expect(other.page.locator("#project-list")).to_have_count(0)
    one.open()  # the same person again
    expect(one.area).to_have_value("My secret.", timeout=30_000)
    for hands in (one, other):
        hands.page.context.close()
    studio.close()
