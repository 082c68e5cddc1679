"""What is said to be without support, and how it is taken out."""

import pytest

from app.documents import Document, Page
from app.project.checks import support_in_draft, take_out_unsupported
from app.project.commands import Commands
from app.project.session import Session
from app.project.support import Judged, SupportReport, support_of, without
from app.prompt.messages import Source
from tests.app.conftest import ask, at

PAGES = (
    Page(1, None, "The lighthouse on the rock was built in 1810 by Robert Stevenson. Its lamp burns oil."),
    Page(2, None, "The keepers must trim the lamp every evening before dusk."),
)
SOURCE = Source(Document("rock.pdf", PAGES), PAGES)


def test_sentences_are_held_against_all_pages_that_were_read() -> None:
    text = (
        "# Rock\n\nThe lighthouse on the rock was built in 1810 by Robert Stevenson (p. 1). The keepers must not "
        "trim the lamp every evening before dusk. The lighthouse on the rock was built in 1910 by Robert Stevenson.\n\n"
        "- The keepers must trim the lamp every evening before dusk (p. 2)."
    )
    report = support_of(text, [SOURCE, SOURCE])
    assert report is not None
    assert [(found.kind, found.document, found.page) for found in report.sentences] == [
        ("word for word", "rock.pdf", 1),
        ("none", "rock.pdf", 2),
        ("none", "rock.pdf", 1),
        ("word for word", "rock.pdf", 2),
    ]
    assert [(found.text[:22], found.reason) for found in report.unsupported] == [
        ("The keepers must not t", "negation"),
        ("The lighthouse on the ", "number"),
    ]
    edited = text.replace("1910", "1810")
    assert [found.reason for found in report.within(edited).unsupported] == ["negation"]


def test_without_documents_or_sentences_nothing_is_said() -> None:
    assert support_of("The lamp burns oil.", []) is None
    assert support_of("# Rock", [SOURCE]) is None


@pytest.mark.parametrize(
    ("draft", "sentences", "left"),
    [
        ("One. Two. Three.", ["Two."], "One. Three."),
        ("One. Two.", ["Two."], "One."),
        ("One. Two.", ["One."], "Two."),
        ("One.\n\nTwo.\n\nThree.", ["Two."], "One.\n\nThree."),
        ("## A\n\n- One.\n- Two.\n- Three.", ["Two."], "## A\n\n- One.\n- Three."),
        ("- One.\n- Two.", ["One."], "- Two."),
        ("1. One. Two.\n2. Three.", ["Two."], "1. One.\n2. Three."),
        ("One.  \nTwo.\n---\n- x", ["Two."], "One.  \n---\n- x"),
        ("Two. One. Two.", ["Two."], "Two. One."),
        ("One.", ["Nowhere."], "One."),
    ],
)
def test_sentences_are_taken_out(draft: str, sentences: list[str], left: str) -> None:
    assert without(draft, sentences) == left


def test_a_text_is_judged_when_it_is_over_and_put_right_as_one_step(commands: Commands, session: Session) -> None:
    session.sources.paste("The lighthouse on the rock was built in 1810 by Robert Stevenson.")
    assert support_in_draft(session) is None
    writing = commands.write(session, ask(max_new_tokens=40), at(session), "anew")
    assert writing.wait(60)
    lit, gas = Judged("It shone.", "near", "rock.pdf", 1), Judged("The lamp burns gas.", "none", reason="unlike")
    made = SupportReport((lit, gas))
    writing.support = made
    assert session.draft.edit("It shone. The lamp burns gas. It stands.", session.draft.revision)
    assert support_in_draft(session) == made
    take_out_unsupported(session)
    assert session.draft.text == "It shone. It stands."
    assert support_in_draft(session) == SupportReport((lit,))
    session.draft.undo()
    assert session.draft.text == "It shone. The lamp burns gas. It stands."


def test_one_sentence_is_taken_out_alone(commands: Commands, session: Session) -> None:
    session.sources.paste("The lighthouse on the rock was built in 1810 by Robert Stevenson.")
    writing = commands.write(session, ask(max_new_tokens=40), at(session), "anew")
    assert writing.wait(60)
    sentences = [Judged(text, "none", reason="unlike") for text in ("Gas burns.", "Oil burns.", "Gas burns.")]
    writing.support = SupportReport(tuple(sentences))
    assert session.draft.edit("Gas burns. Oil burns. Gas burns.", session.draft.revision)
    take_out_unsupported(session, "It shone.")
    assert session.draft.text == "Gas burns. Oil burns. Gas burns."
    take_out_unsupported(session, "Gas burns.")
    assert session.draft.text == "Gas burns. Oil burns."


def test_sentences_are_found_where_the_text_stands() -> None:
    one, two = Judged("It shone.", "near", "rock.pdf", 1), Judged("It fell.", "none", reason="unlike")
    draft = "It shone. Mine.\n\nIt shone. It fell. It shone."
    assert list(SupportReport((one, two, one)).places(draft, 17)) == [(17, one), (27, two), (36, one)]
    assert list(SupportReport((two, one)).places("It shone. It fell.")) == [(10, two)]


def test_a_text_of_the_documents_own_sentences_is_supported(commands: Commands, session: Session) -> None:
    session.sources.paste(
        "The lighthouse on the rock was built in 1810 by Robert Stevenson. The keepers trim the lamp at dusk."
    )
    writing = commands.write(session, ask(wording="quoted", max_new_tokens=100), at(session), "anew")
    assert writing.wait(60)
    report = support_in_draft(session)
    assert report is not None
    assert [found.kind for found in report.sentences] == ["word for word", "word for word"]
    assert {(found.document, found.page) for found in report.sentences} == {("Pasted text", 1)}
