"""What the list of sources is sent: facts, notes and texts as values, and nothing that could end the stream."""

import json
from dataclasses import replace
from pathlib import Path

from app.documents import Document, Page, RemovedLine
from app.project.source_file import SourceFile
from app.say.wording import Message
from app.web.components.source_list import SourceList, list_message, page_text, source_card


def test_a_card_names_pages_size_warnings_and_repairs() -> None:
    pages = (Page(1, None, "a"), Page(2, None, "bcd"))
    repaired = Message("1 word broken over two lines was put together.")
    document = Document("a<b>${x}.pdf", pages, (Message("1 of 2 pages has no <i>."), repaired))
    file = SourceFile(Path("a<b>${x}.pdf"), document, pages="2")
    card = source_card(file, [1200], Message("Like <b>.txt."))
    assert card == {
        "id": file.id, "name": "a<b>${x}.pdf", "alert": "", "password": False,
        "facts": "1 of 2 pages",
        "warnings": ["1 of 2 pages has no <i>.", "Like <b>.txt."],
        "details": ["3 characters · 1,200 tokens", "1 word broken over two lines was put together."],
        "leftOut": False, "readable": True, "count": 2, "pages": "2",
        "reading": {"removed": []},
    }  # fmt: skip
    both = source_card(SourceFile(Path("a.pdf"), Document("a.pdf", pages)), [2, 3], None)
    assert (both["facts"], both["details"]) == ("2 pages", ["4 characters · 5 tokens"])
    one = source_card(SourceFile(Path("a.txt"), Document("a.txt", pages[:1])), None, None)
    assert (one["facts"], one["details"], one["pages"]) == ("1 page", ["1 character"], None)


def test_a_source_that_is_left_out_says_so_and_has_no_pages_to_choose() -> None:
    pages = (Page(1, None, "a"), Page(2, None, "b"))
    file = SourceFile(Path("a.txt"), Document("a.txt", pages), left_out=True)
    card = source_card(file, [7, 7], None)
    assert (card["leftOut"], card["facts"], card["pages"], card["count"]) == (True, "Left out.", None, 2)
    card = source_card(replace(file, left_out=False), [7, 7], None)
    assert (card["leftOut"], card["facts"], card["pages"]) == (False, "2 pages", "")


def test_a_source_that_cannot_be_read_says_why() -> None:
    file = SourceFile(Path("<x>.pdf"), error=Message("<x>.pdf needs a password."), needs_password=True)
    assert source_card(file, None, None) == {
        "id": file.id, "name": "<x>.pdf", "alert": "<x>.pdf needs a password.", "password": True,
    }  # fmt: skip


def test_a_page_is_named_as_in_its_document() -> None:
    pages = (Page(1, "iii", "Foreword"), Page(2, "2", "The light"), Page(3, None, "The lamp"))
    file = SourceFile(Path("a.pdf"), Document("a.pdf", pages))
    read = [page_text(file, number) for number in (0, 1, 2, 3, 4)]
    assert [page["label"] for page in read] == ["iii (1)", "iii (1)", "2", "3", "3"]
    assert read[2] == {"file": file.id, "number": 2, "label": "2", "text": "The light"}
    assert page_text(SourceFile(Path("gone.pdf")), 1)["text"] == ""


def test_the_message_is_one_string_that_can_be_sent() -> None:
    file = SourceFile(Path("a.txt"), Document("a 🙂.txt", (Page(1, None, "<b> ${x}"),)))
    message = list_message([file], lambda file: source_card(file, [1], None), page=page_text(file, 1))
    sent = SourceList().postprocess(message)
    assert sent is not None
    assert sent.encode("utf-8")
    read = json.loads(sent)
    assert (read["sources"][0]["name"], read["page"]["text"]) == ("a 🙂.txt", "<b> ${x}")
    assert SourceList().postprocess(None) is None


def test_a_card_lists_the_running_lines_that_were_left_out() -> None:
    lines = (RemovedLine(1, "On lamps"), RemovedLine(1, "i"), RemovedLine(2, "On lamps"), RemovedLine(2, "- 2 -"))
    document = Document("lamp.pdf", (Page(1, None, "a"), Page(2, None, "b")), removed=lines)
    card = source_card(SourceFile(Path("lamp.pdf"), document), None, None)
    assert card["reading"] == {
        "running_lines": False, "removed": ["Left out: “On lamps” (p. 1-2)", "Left out: page numbers (p. 1-2)"],
    }  # fmt: skip
