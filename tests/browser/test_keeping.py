"""Nothing is lost: a reload in the middle of a run, a server that is killed, another project, another person."""

import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from app.engine.engine import Engine
from app.project.session import Session
from app.store import (
    StoreLimits,
    begin_run,
    create_project,
    list_projects,
    list_versions,
    open_project,
    open_store,
    version_text,
)
from tests.app.conftest import wait
from tests.browser.process import APP, STUBBED, Process
from tests.browser.stub import StubEngine
from tests.browser.studio import SAMPLE, SLOW, Hands, Studio
from tests.browser.tabs import Tabs


@pytest.mark.usefixtures("endless")
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
    expect(hands.page.locator(".file-card")).to_contain_text("1 of 8 pages")


@pytest.mark.usefixtures("endless")
def test_a_page_that_is_loaded_again_shows_at_once_what_it_showed_last(
    engine: StubEngine, studio: Studio, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the server has answered, that is: here it waits for the test."""
    hands.page.locator("#project-name textarea, #project-name input").fill("The rock")
    hands.type("The lamp was lit")
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 4)
    kept = "localStorage.getItem(`refreshkv-draft-${sessionStorage.getItem('refreshkv-shown')}`)"
    hands.page.wait_for_function(f"JSON.parse({kept})?.text.split(' ').length > 8")
    engine.writing.clear()  # the run goes on when the test has looked
    answered, opening = threading.Event(), studio.sessions.open

    def held(page: str, project: str | None) -> Session:
        assert answered.wait(60)
        return opening(page, project)

    monkeypatch.setattr(studio.sessions, "open", held)
    hands.page.reload()
    expect(hands.area).to_have_value(re.compile(r"^The lamp was lit(\s*\S+\s+){4}"))
    expect(hands.page.locator("#project-name textarea, #project-name input")).to_have_value("The rock")
    expect(hands.area).not_to_be_editable()
    for button in ("write", "continue", "here", "undo"):
        expect(hands.page.locator(f"#{button}")).to_be_disabled()
    answered.set()
    expect(hands.page.locator("#progress")).to_contain_text("Writing")
    expect(hands.page.locator("#stop")).to_be_enabled()
    engine.writing.set()
    hands.stop()


def test_a_run_that_was_killed_with_the_app_is_mentioned(studio: Studio, visitor: Page) -> None:
    project = create_project(studio.store, "The rock", "The lamp was lit and")
    run = begin_run(studio.store, project.id, 0, {"policy": {"method": "RefreshKV"}})
    with studio.store.transaction() as connection:  # by a process that is gone
        connection.execute("UPDATE runs SET state = 'running', owner = '1 0.0' WHERE id = ?", (run.id,))
    hands = Hands(visitor, studio.url)
    expect(hands.page.locator("#progress")).to_contain_text("The app ended while the model wrote here")
    hands.press("continue")
    expect(hands.page.locator("#progress")).to_contain_text("Finished")


SIGNS = "A\\ud83d B\\ude00 C\\u0001 D\\u0085"


def test_what_no_text_can_hold_is_made_valid_and_locks_nobody_out(hands: Hands, visitor: Page) -> None:
    """Typed, and sent past the page's own scripts, as another program may."""
    hands.area.evaluate(f"(a) => {{ a.focus(); document.execCommand('insertText', false, 'My chapter. {SIGNS} ') }}")
    hands.saved()
    hands.area.evaluate(f"(a) => {{ a.value = 'My chapter. {SIGNS} Two.'; a.dispatchEvent(new Event('blur')) }}")
    hands.saved()
    hands.page.locator("#detail textarea").fill("about it")
    hands.page.locator("#detail textarea").evaluate(
        f"(a) => {{ a.value = 'about {SIGNS} it'; a.dispatchEvent(new Event('input', {{ bubbles: true }})) }}"
    )
    hands.page.locator("#project-name textarea, #project-name input").evaluate(
        f"(a) => {{ a.value = 'Rock {SIGNS}'; a.dispatchEvent(new Event('input', {{ bubbles: true }})); a.blur() }}"
    )
    hands.open()
    valid = r"^My chapter\. A\ufffd? B\ufffd? C\ufffd? D\ufffd? Two\.$"
    expect(hands.area).to_have_value(re.compile(valid))
    expect(hands.area).to_be_editable()
    hands.press("continue")
    expect(hands.page.locator("#progress")).to_contain_text("Finished")
    other = Hands(visitor, hands.url)
    expect(other.area).to_have_value(re.compile(valid[:-1]))
    other.press("new-project")
    expect(other.area).to_have_value("")
    expect(other.area).to_be_editable()


@pytest.mark.usefixtures("unhurried")
def test_a_run_ends_and_is_kept_though_its_page_is_gone(studio: Studio, hands: Hands, visitor: Page) -> None:
    hands.type("The lamp was lit")
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 1)
    hands.page.close()
    end = time.monotonic() + SLOW / 1000
    while studio.engine.current():
        assert time.monotonic() < end
        time.sleep(0.1)
    later = Hands(visitor, studio.url)
    expect(later.area).to_have_value(re.compile(r"^The lamp was lit(\s*\S+\s+){20}"), timeout=30_000)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_server_loses_at_most_the_last_second(studio: Studio, tabs: Tabs, tmp_path: Path) -> None:
    server = Process(tmp_path)
    try:
        with tabs.open(server.url) as page:
            hands = Hands(page, server.url)
            hands.area.focus()
            page.keyboard.type("These are the words of an afternoon.")
            hands.saved()
            time.sleep(1)
        readers = server.readers
    finally:
        server.end(signal.SIGKILL)
    assert readers
    wait(lambda: not any(map(running, readers)))
    studio.turn_to(tmp_path)  # another that finds what is left
    with tabs.open(studio.url) as page:
        expect(Hands(page, studio.url).area).to_have_value("These are the words of an afternoon.")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
@pytest.mark.parametrize(("how", "entry"), [(signal.SIGTERM, APP), (signal.SIGINT, STUBBED)])
def test_a_server_that_is_ended_keeps_everything_while_a_page_is_open(
    tabs: Tabs, tmp_path: Path, how: signal.Signals, entry: tuple[str, ...]
) -> None:
    server = Process(tmp_path, entry)
    try:
        with tabs.open(server.url) as page:
            hands = Hands(page, server.url)
            hands.type("These are the words of an afternoon.")
            hands.add(SAMPLE)
            readers = server.readers
            code = server.end(how)
    finally:
        server.end(signal.SIGKILL)
    assert code == 0
    assert len(readers) == 1
    assert not any(map(running, readers))
    store = open_store(tmp_path)
    (entry,) = list_projects(store)
    assert open_project(store, entry.id).draft == "These are the words of an afternoon."
    store.close()


def test_projects_are_opened_again_with_their_sources_and_drafts(hands: Hands) -> None:
    page = hands.page
    hands.sample("1-2")
    hands.type("About the light.")
    name = page.locator("#project-name input, #project-name textarea")
    expect(name).to_have_value("lighthouses")  # after its first source
    hands.press("new-project")
    expect(hands.area).to_have_value("", timeout=30_000)
    expect(page.locator(".file-card")).to_have_count(0)
    name.fill("Another")
    name.press("Enter")
    hands.type("Something else.")
    page.locator("#project-list input").click()
    page.get_by_role("option", name="lighthouses").click()
    expect(hands.area).to_have_value("About the light.", timeout=30_000)
    expect(page.locator(".file-card")).to_contain_text("2 of 8 pages")


@pytest.mark.usefixtures("endless")
def test_a_run_stays_in_its_project_when_another_is_opened(studio: Studio, hands: Hands) -> None:
    page = hands.page
    hands.sample("1")
    hands.type("About the light.")
    hands.press("continue")
    hands.wait_for_words("About the light.", 3)
    first = studio.sessions.open("a look", None)
    hands.press("new-project")
    expect(hands.area).to_have_value("")
    expect(hands.area).to_be_editable()
    hands.type("Something else.")
    expect(page.locator("#stop")).to_be_disabled()
    expect(page.locator("#write")).to_be_enabled()
    for name in ("progress", "rates"):
        expect(page.locator(f"#{name}")).to_have_text("")
    expect(page.locator(".ckm-root")).to_have_attribute("data-run", "")
    page.wait_for_timeout(1000)
    assert first.busy
    assert hands.text == "Something else."
    expect(page.locator("#progress")).to_have_text("")

    # A run from the same button is followed in the project it is begun in, and Stop is its own.
    hands.press("continue")
    expect(page.locator("#progress")).to_contain_text("Waiting: 1 before you")
    assert first.writing is not None
    first.writing.stop()
    hands.wait_for_words("Something else.", 3)
    hands.stop()
    assert first.draft.text.startswith("About the light.")
    assert len(first.draft.text) > len("About the light.")
    assert "Something" not in first.draft.text
    page.locator("#project-list input").click()
    page.get_by_role("option", name="lighthouses").click()
    expect(hands.area).to_have_value(first.draft.text)
    expect(page.locator("#progress")).to_contain_text("Stopped")


def test_what_is_typed_before_another_project_is_opened_stays_in_its_own(studio: Studio, hands: Hands) -> None:
    hands.type("One.")
    first = studio.sessions.open("a look", None)
    hands.area.fill("One. And the last words")
    hands.press("new-project")
    expect(hands.area).to_have_value("")
    hands.type("Two.")
    assert first.draft.text == "One. And the last words"


def test_a_page_whose_project_was_deleted_keeps_its_text_in_a_new_one(
    studio: Studio, hands: Hands, visitor: Page
) -> None:
    hands.type("Mine.")
    name = hands.page.locator("#project-name input, #project-name textarea")
    name.fill("My book")
    name.press("Enter")
    expect(hands.page.locator("#project-list input")).to_have_value("My book")
    other = Hands(visitor, studio.url)
    expect(other.area).to_have_value("Mine.")
    other.page.once("dialog", lambda dialog: dialog.accept())
    other.press("delete-project")
    expect(other.area).to_have_value("")
    hands.area.fill("Mine. And more.")
    hands.saved()
    expect(name).to_have_value("Untitled")
    expect(hands.page.locator("#project-list input")).to_have_value("Untitled")
    hands.type("Mine. And more, twice.")
    assert [entry.characters for entry in list_projects(studio.store)] == [len("Mine. And more, twice."), 0]
    hands.open()
    expect(hands.area).to_have_value("Mine. And more, twice.")


def test_what_is_asked_for_is_kept_without_a_run_and_belongs_to_its_project(hands: Hands) -> None:
    page = hands.page
    detail = page.locator("#detail textarea")
    page.locator("#task input").click()
    page.get_by_role("option", name="My own instruction").click()
    with page.expect_response(lambda response: "Who kept the light?" in (response.request.post_data or "")):
        detail.fill("Who kept the light?")  # as a paste does: no key is pressed
    hands.open()
    expect(detail).to_have_value("Who kept the light?")
    expect(page.locator("#task input")).to_have_value("My own instruction")
    hands.press("new-project")
    expect(detail).to_have_value("")
    expect(page.locator("#task input")).to_have_value("Report")


def test_what_cannot_be_kept_is_said(studio: Studio, hands: Hands) -> None:
    studio.store.limits = StoreLimits(draft_megabytes=1e-5)
    hands.area.fill("More than ten characters.")
    expect(hands.page.locator(".draft-saved")).to_contain_text("the limit is 10")
    studio.store.limits = StoreLimits()
    hands.saved()
    assert list_projects(studio.store)[0].characters == 25


def test_what_was_wrong_with_the_folder_is_said(engine: Engine, tabs: Tabs, tmp_path: Path) -> None:
    (tmp_path / "projects.sqlite3").write_bytes(b"no database " * 100)
    studio = Studio(engine, tmp_path)
    with tabs.open(studio.url) as page:
        notices = Hands(page, studio.url).page.locator("#store-notices")
        expect(notices).to_contain_text("was damaged and could not be opened")
    studio.close()


def test_a_stranger_finds_their_text_again_after_the_server_was_started_anew(
    engine: Engine, tabs: Tabs, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    studio = Studio(engine, tmp_path / "one", shared=True, port=port)
    with tabs.open(studio.url) as page:
        hands = Hands(page, studio.url)
        hands.type("My afternoon.")
        page.wait_for_function("Object.values(localStorage).some((kept) => kept.includes('My afternoon.'))")
        studio.close()
        studio = Studio(engine, tmp_path / "two", shared=True, port=port)
        hands.open()
        expect(hands.area).to_have_value("")
        page.locator(".draft-recover .restore").click()
        expect(hands.area).to_have_value("My afternoon.")
        expect(page.locator(".draft-recover")).to_be_hidden()
        assert [entry.characters for entry in list_projects(studio.store)] == [13]
    studio.close()


@pytest.mark.usefixtures("endless")
def test_text_of_the_browser_is_kept_as_a_version_while_the_model_writes(
    studio: Studio, hands: Hands, engine: StubEngine
) -> None:
    hands.type("The lamp was lit")
    copy = "localStorage.setItem('refreshkv-draft-' + document.querySelector('#draft').draft.state().project, "
    hands.page.evaluate(f"""() => addEventListener("pagehide", () => {copy}
        JSON.stringify({{text: "Held in the browser.", revision: 1, kept: false}})))""")
    hands.open()
    bar = hands.page.locator(".draft-recover")
    expect(bar).to_be_visible()
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 2)
    bar.locator(".restore").click()
    expect(bar).to_contain_text("kept as a version")
    engine.free()
    hands.rest()
    assert hands.text.startswith("The lamp was lit")
    project = list_projects(studio.store)[0].id
    assert [version.name for version in list_versions(studio.store, project)] == [
        "Unsaved text of a browser", "Before the model wrote",
    ]  # fmt: skip


@pytest.mark.usefixtures("endless")
def test_a_window_that_does_not_follow_a_run_loses_nothing_to_it(studio: Studio, hands: Hands, tabs: Tabs) -> None:
    hands.type("The lamp was lit")
    with tabs.open(studio.url) as theirs:
        other = Hands(theirs, studio.url)
        expect(other.area).to_have_value("The lamp was lit")
        other.rest()  # it has looked for a run, and there was none
        hands.page.locator("#detail textarea").fill("the rock")
        hands.press("write")
        hands.wait_for_words("# Report\n\n## Introduction\n\n", 3)
        other.area.fill("The lamp was lit at dusk.")
        bar = other.page.locator(".draft-recover")
        expect(bar).to_contain_text("kept as a version")
        expect(other.area).to_have_value("The lamp was lit")
        hands.stop()
        written = hands.text
        other.area.fill("The lamp was lit, twice.")
        expect(other.area).to_have_value(written)
        hands.open()
        expect(hands.area).to_have_value(written)
        project = list_projects(studio.store)[0].id
        texts = [version_text(studio.store, version.id) for version in list_versions(studio.store, project)]
        assert texts == ["The lamp was lit, twice.", "The lamp was lit at dusk.", "The lamp was lit"]


def test_strangers_on_a_shared_computer_do_not_see_each_other(engine: Engine, tabs: Tabs, tmp_path: Path) -> None:
    studio = Studio(engine, tmp_path / "shared", shared=True)
    with tabs.open(studio.url) as mine, tabs.open(studio.url) as theirs:
        one = Hands(mine, studio.url)
        one.type("My secret.")
        other = Hands(theirs, studio.url)
        expect(other.area).to_have_value("")
        expect(other.page.locator("#project-list")).to_have_count(0)
        one.open()  # the same person again
        expect(one.area).to_have_value("My secret.", timeout=30_000)
    studio.close()


def running(process: psutil.Process) -> bool:
    """One whose end nobody has taken note of yet does not run either."""
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
