"""What is said of the sentences of a text."""

from app.project.support import Judged, SupportReport
from app.say.wording import Wording
from app.web.components.support_list import support_message

LIT = Judged("It shone.", "near", "rock.pdf", 1)
GAS = Judged("The lamp burns gas.", "none", "rock.pdf", 2, "number")


def test_sentences_without_support_are_listed_with_the_reason() -> None:
    assert support_message(SupportReport((LIT, GAS, LIT))) == {
        "count": "3 sentences, of which the documents support 2.",
        "title": "Without support in the pages that were read:",
        "sentences": [["The lamp burns gas.", "another number"]],
    }
    assert support_message(SupportReport((LIT,)))["sentences"] == []


def test_rows_that_were_left_out_are_counted() -> None:
    assert support_message(SupportReport((LIT,), 2))["count"] == (
        "1 sentence, of which the documents support 1. 2 rows left out: nothing in the documents says them."
    )
    assert support_message(SupportReport((), 1))["count"] == "1 row left out: nothing in the documents says it."


def test_it_is_said_in_japanese() -> None:
    said = support_message(SupportReport((LIT, GAS)), Wording("ja"))
    assert said["count"] == "2 文のうち 1 文に文書の裏付けがあります。"
    assert said["sentences"] == [["The lamp burns gas.", "数字が異なる"]]
