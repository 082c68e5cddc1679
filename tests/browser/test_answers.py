"""Answers to events that are sent while Gradio ends the stream on which the page would read them."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from app.settings import Settings
from app.web.server import Server
from tests.app.conftest import wait
from tests.browser.tabs import Tabs

LATE = """
const ask = window.fetch;
let first = true;
window.fetch = async (address, options) => {
  const answer = await ask(address, options);
  if (!first || !String(address?.url ?? address).includes("queue/data")) return answer;
  first = false;
  const messages = await answer.text(); // the server has ended the stream
  window.ended = true;
  await new Promise((done) => { window.arrive = done; });
  return new Response(messages, { headers: answer.headers });
};
"""
"""The first stream reaches the page when the test lets it."""


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def page(tabs: Tabs, heard: list[str]) -> Iterator[Page]:
    def answer(name: str) -> str:
        heard.append(name)
        return f"{name} is done"

    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Button(visible="hidden", elem_id="next-event").click(lambda: heard.append("next"), api_visibility="private")
        for name in ("first", "second"):
            told = gr.Textbox(elem_id=f"told-{name}")
            gr.Button(elem_id=name).click(lambda name=name: answer(name), None, told)
    server = Server(blocks, Settings(_env_file=None, host="127.0.0.1"))  # type: ignore[call-arg]
    with tabs.open(server.url, script=LATE) as page:
        page.goto(server.url)
        yield page
    server.close()


def test_an_event_sent_while_the_stream_ends_is_answered(page: Page, heard: list[str]) -> None:
    page.click("#first")
    page.wait_for_function("window.ended")
    with page.expect_response("**/queue/join*"):
        page.click("#second")
    wait(lambda: heard == ["first", "second"])
    page.evaluate("window.arrive()")
    expect(page.locator("#told-first textarea, #told-first input")).to_have_value("first is done")
    expect(page.locator("#told-second textarea, #told-second input")).to_have_value("second is done")
    wait(lambda: heard == ["first", "second", "next"])


def test_one_event_after_another_needs_no_other(page: Page, heard: list[str]) -> None:
    page.evaluate("window.arrive = null; const late = setInterval(() => window.arrive && window.arrive(), 10)")
    for name in ("first", "second"):
        page.click(f"#{name}")
        expect(page.locator(f"#told-{name} textarea, #told-{name} input")).to_have_value(f"{name} is done")
    assert heard == ["first", "second"]
