"""The editor in a real Chromium, on a page that holds nothing else but a few of the buttons it presses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from app.project.revised_text import RevisedText
from app.settings import Settings
from app.web.components.editor import DraftEditor, saved_message, set_message
from app.web.components.log import Log
from app.web.server import Server
from tests.browser.tabs import Tabs
from tests.browser.waiting import until

HOSTILE = '<img src=x onerror="window.pwn=1"> ${window.pwn=1} <|im_end|>'
READ = "(...args) => [JSON.stringify(document.querySelector('#draft').draft.state()), ...args.slice(1)]"


class Site:
    """The editor over a `Draft`; `push` sends the message a test has put there."""

    def __init__(self) -> None:
        self.draft, self.message, self.asked, self.pushes = RevisedText(), {}, [], 0
        self.answers, self.error = True, ""
        with gr.Blocks(analytics_enabled=False) as blocks:
            editor = DraftEditor(elem_id="draft")
            push, quiet = gr.Button("…", elem_id="push"), gr.Button("Version", elem_id="save-version")
            undo = gr.Button("Undo", elem_id="undo")
            blocks.load(lambda: "Push", outputs=push, queue=False)
            push.click(self.pushed, outputs=editor, queue=False, trigger_mode="multiple")
            quiet.click(self.quiet, [editor], None, js=READ, queue=False)
            undo.click(lambda: self.asked.append(("undo", None)), queue=False)
            editor.edit(self.edit, None, editor, queue=False)
            for name in ("passage", "caret", "accept", "reject", "resync", "recover", "settled"):
                getattr(editor, name)(self.noted(name), None, None, queue=False)
        self.server = Server(blocks, Settings(_env_file=None, host="127.0.0.1"))
        self.url = self.server.url

    def pushed(self) -> Any:
        self.pushes += 1
        return self.message

    def whole(self) -> dict[str, Any]:
        return set_message(self.draft.text, self.draft.revision, project="p", last=self.draft.written)

    def edit(self, event: gr.EventData) -> Any:
        self.asked.append(("edit", event._data))
        if not self.answers:
            return gr.skip()
        taken = self.draft.edit(event._data["text"], event._data["revision"])
        return saved_message("p", self.draft.revision, self.error) if taken else {**self.whole(), "note": "refused"}

    def quiet(self, state: Any) -> None:
        """A button that takes the text and does not answer with a revision."""
        self.draft.edit(state["text"], state["revision"])
        self.asked.append(("version", state))

    def noted(self, name: str) -> Callable[[gr.EventData], None]:
        def note(event: gr.EventData) -> None:
            self.asked.append((name, event._data))

        return note

    def of(self, name: str) -> list[Any]:
        return [data for kind, data in list(self.asked) if kind == name]


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.close()


@pytest.fixture
def site(shared: Site) -> Site:
    shared.draft, shared.message, shared.asked = RevisedText(), {}, []
    shared.answers, shared.error = True, ""
    return shared


@pytest.fixture
def page(site: Site, tabs: Tabs) -> Iterator[Page]:
    with tabs.open(site.url, viewport={"width": 1000, "height": 800}) as page:
        page.goto(site.url)
        expect(page.locator(".draft-count")).to_contain_text("words")
        expect(page.locator("#push")).to_have_text("Push")  # which it is given once a click is heard
        yield page
        assert page.evaluate("window.pwn") is None


class Stream:
    """What a page is sent of a run, each time as the whole log."""

    def __init__(self, *, proposes: bool = False, project: str = "p") -> None:
        self._log = Log({"kind": "run", "project": project, "run": "r", "proposes": proposes})
        self._place: tuple[int, int, int] | None = None

    @property
    def value(self) -> str:
        return self._log.value

    def at(self, revision: int, at: int, replaced: int, text: str) -> str:
        """At that place is written `text` so far."""
        if self._place != (revision, at, replaced):
            self._place = revision, at, replaced
            self._log.tell({"kind": "place", "revision": revision, "at": at, "replaced": replaced, "seam": ""})
        self._log.write(text)
        return self.value

    def over(self, draft: str, revision: int, proposal: dict[str, Any] | None = None) -> str:
        """All is written, and this is the draft."""
        ending = {"kind": "over", "revision": revision, "characters": len(draft), "last": None, "proposal": proposal}
        self._log.tell(ending)
        return self.value


def push(site: Site, page: Page, message: dict[str, Any] | str) -> None:
    site.message, before = message, site.pushes
    page.evaluate("document.querySelector('#push').click()")
    until(page, lambda: site.pushes > before)


def show(site: Site, page: Page, text: str, revision: int = 1) -> None:
    site.draft = RevisedText(text, revision)
    push(site, page, site.whole())
    until(page, lambda: page.evaluate("document.querySelector('#draft').draft.state().revision") == revision)
    expect(area(page)).to_have_value(text)


def area(page: Page) -> Any:
    return page.locator("#draft textarea")


def test_typing_is_sent_once_it_pauses_and_nothing_typed_is_lost(site: Site, page: Page) -> None:
    show(site, page, "Tides. ")
    area(page).press("End")
    area(page).press_sequentially("They rise and fall all day.", delay=60)
    until(page, lambda: site.draft.text == "Tides. They rise and fall all day.")
    expect(page.locator(".draft-saved")).to_have_text("Saved")
    assert 1 < len(site.of("edit")) < 15
    assert area(page).input_value() == site.draft.text


def test_positions_are_characters(site: Site, page: Page) -> None:
    show(site, page, "😀e\u0301 𝒳 end")
    push(site, page, set_message(site.draft.text, 1, (4, 5), project="p"))
    area(page).focus()
    expected = {"project": "p", "text": "😀e\u0301 𝒳 end", "revision": 1, "serial": 0, "start": 4, "end": 5}
    until(page, lambda: page.evaluate("document.querySelector('#draft').draft.state()") == expected)
    stream = Stream()
    push(site, page, stream.at(1, 4, 1, "😀😀"))
    expect(area(page)).to_have_value("😀e\u0301 😀😀 end")


def test_a_stream_shows_all_of_its_text_each_time_and_locks_the_draft(site: Site, page: Page) -> None:
    show(site, page, "ab")
    stream = Stream()
    for text in ("x", HOSTILE, HOSTILE + "!", HOSTILE[:9] + "😀", ""):
        push(site, page, stream.at(1, 1, 0, text))
        expect(area(page)).to_have_value(f"a{text}b")
    expect(area(page)).to_have_attribute("aria-busy", "true")
    expect(area(page)).not_to_be_editable()
    show(site, page, "done", 2)
    expect(area(page)).to_be_editable()
    expect(page.locator(".draft-status")).to_have_text("The model has stopped writing.")


def test_a_stream_over_another_revision_asks_for_the_draft(site: Site, page: Page) -> None:
    show(site, page, "ab")
    stream = Stream()
    push(site, page, stream.at(7, 1, 0, "x"))
    until(page, lambda: len(site.of("resync")) == 1)
    assert area(page).input_value() == "ab"


def test_a_refused_edit_shows_the_draft_and_a_later_keystroke_is_offered_back(site: Site, page: Page) -> None:
    show(site, page, "ab")
    site.answers = False  # or it is saved before the other comes
    area(page).fill("mine")
    push(site, page, set_message("theirs", 9, project="p"))
    expect(area(page)).to_have_value("theirs")
    page.locator(".draft-recover .restore").click()
    until(page, lambda: [data["text"] for data in site.of("recover")] == ["mine"])


def test_a_draft_sent_again_does_not_undo_an_edit_under_way(site: Site, page: Page) -> None:
    show(site, page, "ab")
    site.answers = False
    area(page).fill("abc")
    until(page, lambda: len(site.of("edit")) == 1)
    push(site, page, site.whole())
    page.wait_for_timeout(300)
    assert area(page).input_value() == "abc"
    expect(page.locator(".draft-saved")).to_contain_text("Not saved yet", timeout=12_000)


def test_a_button_that_does_not_answer_leaves_the_next_keystrokes_acceptable(site: Site, page: Page) -> None:
    show(site, page, "ab")
    area(page).press("End")
    area(page).press("c")
    area(page).press("Control+Shift+S")
    until(page, lambda: [state["text"] for state in site.of("version")] == ["abc"])
    until(page, lambda: len(site.of("edit")) == 1)
    page.wait_for_timeout(500)
    area(page).press("d")
    until(page, lambda: site.draft.text == "abcd")
    assert area(page).input_value() == "abcd"


def test_control_z_presses_the_pages_undo(site: Site, page: Page) -> None:
    show(site, page, "ab")
    area(page).fill("abc")
    area(page).press("Control+Z")
    until(page, lambda: len(site.of("undo")) == 1)
    assert area(page).input_value() == "abc"


@pytest.mark.parametrize(("key", "event"), [("Enter", "accept"), ("Escape", "reject")])
def test_a_proposal_is_a_diff_answered_from_the_keyboard(site: Site, page: Page, key: str, event: str) -> None:
    show(site, page, "😀 old end")
    stream = Stream(proposes=True)
    push(site, page, stream.at(1, 2, 3, "<img"))
    expect(page.locator(".draft-diff")).to_have_text("😀 old<img end")
    expect(page.locator(".draft-verdict")).to_be_hidden()
    push(site, page, stream.over("😀 old end", 1, proposal(2, 5, ["old", HOSTILE, 0])))
    expect(page.locator(".draft-diff")).to_have_text(f"😀 old{HOSTILE} end")
    expect(page.locator(".draft-diff ins")).to_have_text(HOSTILE)
    expect(page.locator(".draft-diff del")).to_have_text("old")
    page.locator(".draft-diff").press(key)
    until(page, lambda: site.of(event) == [{"id": "i"}])
    expect(area(page)).to_be_visible()


def proposal(start: int, end: int, *pieces: list[Any], outdated: bool = False) -> dict[str, Any]:
    return {"id": "i", "start": start, "end": end, "outdated": outdated, "pieces": pieces}


LIT = "😀 The lamp was lit at dusk. Fog came."
PIECES = (["The lamp was "], ["lit", "kindled", 1], [" at dusk."], [" Fog came.", "", 3])


def proposes(site: Site, page: Page) -> None:
    """Two changes of LIT."""
    show(site, page, LIT)
    stream = Stream(proposes=True)
    push(site, page, stream.at(1, 2, 35, "The"))
    push(site, page, stream.over(LIT, 1, proposal(2, 37, *PIECES)))
    expect(page.locator(".draft-change")).to_have_count(2)


def test_each_change_has_buttons_that_tab_and_arrows_reach(site: Site, page: Page) -> None:
    proposes(site, page)
    expect(page.locator(".draft-left")).to_have_text("2 changes, each with its own ✓ and ✕")
    expect(page.locator(".draft-verdict .accept")).to_have_text("Accept all")
    names = ["Accept: change 1 / 2", "Reject: change 1 / 2", "Accept: change 2 / 2", "Reject: change 2 / 2"]
    expect(page.locator(".draft-diff")).to_be_focused()
    for name in names:
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name=names[1])).to_be_focused()
    page.keyboard.press("Enter")
    until(page, lambda: site.of("reject") == [{"id": "i", "piece": 1}])
    assert site.of("accept") == []
    expect(page.locator(".draft-change")).to_have_count(2)  # until the server answers


def test_an_answered_change_is_text_and_the_next_has_the_focus(site: Site, page: Page) -> None:
    proposes(site, page)
    page.get_by_role("button", name="Accept: change 1 / 2").click()
    until(page, lambda: site.of("accept") == [{"id": "i", "piece": 1}])
    text = LIT.replace("lit", "kindled")
    left = proposal(2, 41, ["The lamp was "], ["kindled"], [" at dusk."], [" Fog came.", "", 3])
    push(site, page, {**set_message(text, 2, project="p"), "proposal": left})
    expect(page.locator(".draft-change")).to_have_count(1)
    expect(page.locator(".draft-change")).to_have_text("Fog came.")
    expect(page.locator(".draft-diff")).to_have_text(text)
    expect(page.locator(".draft-verdict .accept")).to_have_text("Accept")
    expect(page.locator(".draft-diff")).to_be_focused()  # one is left: it has no buttons of its own
    page.keyboard.press("Control+z")
    until(page, lambda: len(site.of("undo")) == 1)
    push(site, page, {**set_message(LIT, 3, project="p"), "proposal": proposal(2, 37, *PIECES)})
    expect(page.locator(".draft-change")).to_have_count(2)
    push(site, page, set_message(text, 4, project="p"))
    expect(area(page)).to_have_value(text)
    expect(page.locator(".draft-proposal")).to_be_hidden()


def test_a_proposal_that_is_out_of_date_says_so_and_can_only_be_closed(site: Site, page: Page) -> None:
    proposes(site, page)
    stale = proposal(2, 37, *PIECES, outdated=True)
    push(site, page, {**set_message("😀 The lamp was out.", 2, project="p"), "proposal": stale})
    expect(page.locator(".draft-left")).to_contain_text("changed meanwhile")
    expect(page.locator(".draft-diff")).to_have_text("😀 The lamp was out.")
    expect(page.locator(".draft-verdict .accept")).to_be_hidden()
    page.get_by_role("button", name="Close").click()
    until(page, lambda: site.of("reject") == [{"id": "i"}])


def test_a_selection_brings_its_tools(site: Site, page: Page) -> None:
    show(site, page, "😀 one two")
    push(site, page, set_message("😀 one two", 1, (2, 5), project="p"))
    area(page).focus()
    page.get_by_role("button", name="Shorten").click()
    until(page, lambda: len(site.of("passage")) == 1)
    sent = {
        "kind": "shorten", "wish": "", "project": "p", "text": "😀 one two", "revision": 1, "serial": 0,
        "start": 2, "end": 5,
    }  # fmt: skip
    assert site.of("passage") == [sent]
    wish = page.get_by_label("How the passage is to become")
    wish.fill("more formal")
    wish.press("Enter")
    until(page, lambda: len(site.of("passage")) == 2)
    assert site.of("passage")[1] == {**sent, "kind": "rewrite", "wish": "more formal"}


def test_the_draft_is_the_persons_until_the_first_word_is_written(site: Site, page: Page) -> None:
    show(site, page, "One. Two.")
    area(page).evaluate("a => { a.focus(); a.setSelectionRange(0, 4) }")
    tools = page.locator(".draft-tools button")
    expect(tools).to_have_count(3)
    stream = Stream()
    push(site, page, stream.value)
    expect(tools).to_have_count(0)  # a passage can't be given to another run
    expect(area(page)).to_be_editable()
    area(page).fill("So: one. Two.")
    until(page, lambda: site.draft.text == "So: one. Two.")
    expect(page.locator(".draft-saved")).to_have_text("Saved")
    push(site, page, stream.at(site.draft.revision, 8, 0, " It"))
    expect(area(page)).to_have_value("So: one. It Two.")
    expect(area(page)).not_to_be_editable()
    push(site, page, stream.over("So: one. It Two.", site.draft.revision + 1))
    expect(area(page)).to_be_editable()
    expect(tools).to_have_count(0)
    area(page).evaluate("a => { a.focus(); a.setSelectionRange(0, 4) }")
    expect(tools).to_have_count(3)


def test_what_is_typed_when_the_first_word_comes_is_sent_before_it_is_shown(site: Site, page: Page) -> None:
    show(site, page, "One.")
    site.answers = False
    area(page).fill("One. Two.")
    until(page, lambda: len(site.of("edit")) == 1)
    area(page).fill("One. Two. Three.")
    stream = Stream()
    push(site, page, stream.at(1, 4, 0, " It"))
    expect(area(page)).not_to_be_editable()
    expect(area(page)).to_have_value("One. Two. Three.")
    site.answers = True
    site.draft.edit("One. Two.", 1)
    push(site, page, saved_message("p", site.draft.revision))
    until(page, lambda: site.draft.text == "One. Two. Three.")
    expect(page.locator(".draft-saved")).to_have_text("Saved")
    push(site, page, stream.at(site.draft.revision, 16, 0, " It stood"))
    expect(area(page)).to_have_value("One. Two. Three. It stood")
    assert site.of("resync") == []
    expect(page.locator(".draft-recover")).to_be_hidden()


def test_a_word_that_is_being_put_together_is_finished_before_the_draft_is_locked(site: Site, page: Page) -> None:
    show(site, page, "灯台")
    area(page).evaluate("a => { a.focus(); a.dispatchEvent(new CompositionEvent('compositionstart')) }")
    stream = Stream()
    push(site, page, stream.at(1, 2, 0, "は"))
    page.wait_for_timeout(300)
    expect(area(page)).to_be_editable()
    area(page).evaluate("a => a.dispatchEvent(new CompositionEvent('compositionend'))")
    push(site, page, stream.at(1, 2, 0, "は古"))
    expect(area(page)).to_have_value("灯台は古")


def test_following_pauses_when_the_person_scrolls_up(site: Site, page: Page) -> None:
    lines = "line\n" * 200
    show(site, page, "")
    stream = Stream()
    push(site, page, stream.at(1, 0, 0, lines))
    until(
        page, lambda: area(page).evaluate("a => a.scrollTop > 0 && a.scrollTop + a.clientHeight > a.scrollHeight - 30")
    )
    area(page).evaluate("a => { a.scrollTop = 100 }")
    expect(page.locator(".draft-follow")).to_be_visible()
    push(site, page, stream.at(1, 0, 0, lines + "more"))
    expect(area(page)).to_have_value(lines + "more")
    assert area(page).evaluate("a => a.scrollTop") == 100
    page.locator(".draft-follow").click()
    assert area(page).evaluate("a => a.scrollTop + a.clientHeight > a.scrollHeight - 30")


def test_text_that_grows_in_the_middle_is_followed_there(site: Site, page: Page) -> None:
    lines = "line\n" * 200
    show(site, page, lines)
    at = len(lines) // 2
    stream = Stream()
    push(site, page, stream.at(1, at, 0, "new\n"))
    until(page, lambda: area(page).evaluate("a => a.scrollTop > 500"))
    place = area(page).evaluate("a => a.scrollTop")
    area(page).evaluate("a => { a.scrollTop = a.scrollHeight }")
    expect(page.locator(".draft-follow")).to_be_visible()
    push(site, page, stream.at(1, at, 0, "new\nnew\n"))
    expect(area(page)).to_have_value(lines[:at] + "new\nnew\n" + lines[at:])
    assert area(page).evaluate("a => a.scrollTop + a.clientHeight > a.scrollHeight - 60")
    page.locator(".draft-follow").click()
    until(page, lambda: abs(area(page).evaluate("a => a.scrollTop") - place) < 60)
    expect(page.locator(".draft-follow")).to_be_hidden()


def test_buttons_say_their_keys(site: Site, page: Page) -> None:
    for name, aria, title in (("undo", "Control+Z", "Ctrl+Z"), ("save-version", "Control+Shift+S", "Ctrl+Shift+S")):
        expect(page.locator(f"#{name}")).to_have_attribute("aria-keyshortcuts", aria)
        expect(page.locator(f"#{name}")).to_have_attribute("title", title)


def test_the_page_is_told_when_the_draft_has_settled(site: Site, page: Page) -> None:
    show(site, page, "Tides.")
    until(page, lambda: len(site.of("settled")) == 1)
    stream = Stream()
    push(site, page, stream.at(1, 6, 0, " More"))
    push(site, page, stream.at(1, 6, 0, " More of it"))
    expect(area(page)).to_have_value("Tides. More of it")
    page.wait_for_timeout(1000)
    assert len(site.of("settled")) == 1
    show(site, page, "Tides. More of it.", 2)
    until(page, lambda: len(site.of("settled")) == 2)


def test_unsent_text_is_offered_after_a_reload(site: Site, page: Page) -> None:
    show(site, page, "ab")
    site.answers = False
    area(page).fill("ab and much more")
    until(page, lambda: "much" in (page.evaluate("localStorage.getItem('refreshkv-draft-p')") or ""))
    page.reload()
    expect(page.locator(".draft-count")).to_contain_text("words")
    push(site, page, site.whole())
    expect(page.locator(".draft-status")).to_contain_text("holds a later text")
    page.locator(".draft-recover .restore").click()
    until(page, lambda: [data["text"] for data in site.of("recover")] == ["ab and much more"])


def test_what_is_not_kept_is_said_and_tried_again(site: Site, page: Page) -> None:
    show(site, page, "ab")
    site.error = "The disk is full."
    area(page).fill("abc")
    saved = page.locator(".draft-saved")
    expect(saved).to_have_text("The disk is full.")
    expect(saved).to_have_role("alert")
    until(page, lambda: '"kept":false' in (page.evaluate("localStorage.getItem('refreshkv-draft-p')") or ""))
    site.error = ""
    expect(saved).to_have_text("Saved")
    assert saved.get_attribute("role") is None


def test_messages_of_another_project_change_nothing_until_the_page_opens_it(site: Site, page: Page) -> None:
    show(site, page, "mine")
    for message in (
        set_message("theirs", 7, project="other"),
        Stream(project="other").at(1, 0, 0, "theirs"),
        Stream(project="other", proposes=True).at(1, 0, 4, "theirs"),
        saved_message("other", 9),
    ):
        push(site, page, message)
    page.wait_for_timeout(300)
    assert area(page).input_value() == "mine"
    state = page.evaluate("document.querySelector('#draft').draft.state()")
    assert (state["project"], state["revision"]) == ("p", 1)
    assert site.of("resync") == []
    push(site, page, {**set_message("theirs", 7, project="other"), "opens": True})
    expect(area(page)).to_have_value("theirs")


def test_what_was_typed_last_goes_to_the_project_it_was_typed_in(site: Site, page: Page) -> None:
    show(site, page, "mine")
    site.answers = False
    area(page).fill("mine, and")
    until(page, lambda: len(site.of("edit")) == 1)
    area(page).fill("mine, and more")
    push(site, page, {**set_message("", 0, project="other"), "opens": True})
    expect(area(page)).to_have_value("")
    until(page, lambda: len(site.of("edit")) == 2)
    assert [(edit["project"], edit["text"]) for edit in site.of("edit")] == [
        ("p", "mine, and"),
        ("p", "mine, and more"),
    ]
    expect(page.locator(".draft-recover")).to_be_hidden()


def test_the_project_in_place_of_one_that_is_gone_takes_over_all_that_is_typed(site: Site, page: Page) -> None:
    show(site, page, "ab")
    site.answers = False
    area(page).fill("abc")
    until(page, lambda: len(site.of("edit")) == 1)
    area(page).fill("abcd")
    site.draft = RevisedText("abc", 2)
    push(site, page, set_message("abc", 2, project="new", previous="p"))
    until(page, lambda: len(site.of("edit")) == 2)
    assert (site.of("edit")[1]["project"], site.of("edit")[1]["text"]) == ("new", "abcd")
    assert area(page).input_value() == "abcd"
    expect(page.locator(".draft-recover")).to_be_hidden()


def test_the_browser_keeps_nothing_of_a_deleted_project(site: Site, page: Page) -> None:
    show(site, page, "secret")
    area(page).fill("secret!")
    until(page, lambda: "secret!" in (page.evaluate("localStorage.getItem('refreshkv-draft-p')") or ""))
    area(page).fill("secret!!")  # a copy of this is under way
    push(site, page, {**set_message("", 0, project="other"), "opens": True, "forget": "p"})
    expect(area(page)).to_have_value("")
    page.wait_for_timeout(1200)
    assert page.evaluate("localStorage.getItem('refreshkv-draft-p')") is None


def test_text_offered_stays_until_the_server_has_it(site: Site, page: Page) -> None:
    show(site, page, "ab")
    area(page).fill("mine")
    push(site, page, set_message("theirs", 9, project="p"))
    restore = page.locator(".draft-recover .restore")
    restore.click()
    until(page, lambda: len(site.of("recover")) == 1)
    expect(restore).to_be_visible()  # no answer
    area(page).fill("theirs, and more")
    until(page, lambda: "and more" in (page.evaluate("localStorage.getItem('refreshkv-draft-p')") or ""))
    page.reload()
    expect(page.locator(".draft-count")).to_contain_text("words")
    site.draft = RevisedText("theirs, and more", 10)
    push(site, page, site.whole())
    restore.click()
    until(page, lambda: [data["text"] for data in site.of("recover")] == ["mine", "mine"])
    push(site, page, {**set_message("mine", 11, project="p"), "note": "restored"})
    expect(restore).to_be_hidden()
    assert '"offered":null' in page.evaluate("localStorage.getItem('refreshkv-draft-p')")


def test_a_refused_edit_says_where_the_text_is(site: Site, page: Page) -> None:
    show(site, page, "ab")
    site.draft = RevisedText("theirs", 5)
    area(page).fill("mine")
    expect(area(page)).to_have_value("theirs")
    expect(page.locator(".draft-recover")).to_contain_text("Your text here was kept as a version.")
    page.locator(".draft-recover .discard").click()
    expect(page.locator(".draft-recover")).to_be_hidden()


def test_a_copy_is_kept_while_the_model_writes(site: Site, page: Page) -> None:
    show(site, page, "ab")
    stream = Stream()
    push(site, page, stream.at(1, 2, 0, " and more"))
    until(page, lambda: "ab and more" in (page.evaluate("localStorage.getItem('refreshkv-draft-p')") or ""))
    page.reload()
    expect(page.locator(".draft-count")).to_contain_text("words")
    push(site, page, set_message("", 0, project="new", previous="p"))
    page.locator(".draft-recover .restore").click()
    until(page, lambda: [data["text"] for data in site.of("recover")] == ["ab and more"])
    push(site, page, {**set_message("ab and more", 1, project="new", previous="p"), "note": "restored"})
    expect(page.locator(".draft-recover")).to_be_hidden()
    assert page.evaluate("localStorage.getItem('refreshkv-draft-p')") is None


def test_a_change_out_of_view_is_scrolled_to(site: Site, page: Page) -> None:
    lines = "".join(f"line {number}\n" for number in range(300))
    show(site, page, lines)
    at = lines.index("line 200")
    push(site, page, set_message(lines.replace("line 200", "here"), 2, (at + 4, at + 4), project="p"))
    until(page, lambda: area(page).evaluate("a => a.scrollTop") > 0)
    share = area(page).evaluate("a => (a.scrollTop + a.clientHeight / 2) / a.scrollHeight")
    assert 0.62 < share < 0.72
    push(site, page, set_message(lines, 3, (at + 8, at + 8), project="p"))
    assert area(page).evaluate("a => (a.scrollTop + a.clientHeight / 2) / a.scrollHeight") == share  # it is in view
