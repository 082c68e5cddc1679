"""The draft of a session as its preview is sent it."""

from __future__ import annotations

import json
from typing import Any

from app.project.session import Session
from app.project.support import Judged, SupportReport
from app.say.wording import Wording
from app.text.citations import PageReference
from app.web.components.preview import Preview
from app.web.page.preview import Pages, previewed
from tests.app.scripted import ScriptedRun, into


def blocks(session: Session, say: Wording | None = None) -> list[Any]:
    message = json.loads(previewed(session, Preview(), 0, say or Wording()))
    return [node for _, node in message["blocks"]]


def refer(name: str, page: int) -> PageReference:
    return PageReference(name, page, 0, 1)


def test_marks_say_kind_and_page_in_words(session: Session) -> None:
    made = into(session, ScriptedRun().finish("It shone. It fell. It burned."), 0, 0)
    assert made.wait(30)
    made.support = SupportReport(
        (
            Judged("It shone.", "word for word", "rock.pdf", 3),
            Judged("It fell.", "near", "rock.pdf", 4),
            Judged("It burned.", "none", reason="unlike"),
        )
    )
    (paragraph,) = blocks(session)
    assert [node[1] for node in paragraph[2:] if isinstance(node, list)] == [
        {"kind": "exact", "title": "word for word: rock.pdf, page 3"},
        {"kind": "near", "title": "in nearly these words: rock.pdf, page 4"},
        {"kind": "none", "title": "Without support: no passage says it"},
    ]
    (japanese,) = blocks(session, Wording("ja"))
    assert japanese[2][1]["title"] == "逐語的：rock.pdf、3 ページ"


def test_what_is_being_written_is_shown(session: Session) -> None:
    assert session.draft.edit("# Log\n\n", 0)
    script = ScriptedRun().say("It shone")
    made = into(session, script, 7, 7)
    while made.text != "It shone":
        made.wait(0.01)
    assert blocks(session) == [["h1", {}, "Log"], ["p", {}, "It shone"]]
    made.stop()


def test_pages_are_those_of_the_sources(session: Session) -> None:
    session.sources.paste("The lamp was lit.")
    one = session.sources.files[0]
    pages = Pages(session)
    found = pages.find(refer("", 1))
    assert found is not None
    assert (found.file, found.number, found.title) == (one.id, 1, "Pasted text, page 1")
    assert pages.find(refer("Pasted text", 1)) == found
    assert [pages.find(refer(*other)) for other in (("", 2), ("", 0), ("other.pdf", 1))] == [None] * 3
    session.sources.paste("Another.")
    assert Pages(session).find(refer("", 1)) is None  # of which?
    assert Pages(session).find(refer("Pasted text 2", 1)) is not None
