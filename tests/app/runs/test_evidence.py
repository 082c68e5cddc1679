"""What is known of a passage: where the map marks it, and what is said if nothing is known."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.methods import FULL_ATTENTION, REFRESHED
from app.project.commands import Commands
from app.project.session import Session
from app.prompt.sections import SectionPlace
from app.runs.evidence import held, passage_message
from app.runs.library import RunLibrary
from app.runs.trace import KeptPage, KeptPassage, Replay, kept_while, page_texts, prompt_tokens
from app.store import Store
from app.text.quotations import Quote
from core.events import CacheRefreshed, TokenGenerated
from tests.app.conftest import ask, at
from tests.app.runs.test_library import FIRST, SECOND
from tests.app.runs.trace.runs import MadeRun, compose_pages, made_runs
from tests.app.scripted import ScriptedRun, into

TEXT = "The light stood on the rock for a hundred years before the fog signal came."


@given(made_runs(), st.data())
def test_passages_are_where_their_characters_are(run: MadeRun, data: st.DataObject) -> None:
    trace, prompt = run.trace(), prompt_tokens(run.composed)
    end = sum(len(token.text) for token in trace.tokens)
    start = data.draw(st.integers(0, end))
    pages = kept_while(Replay(trace), [(start, end)])
    marked = held(pages, [], prompt, [])
    assert marked["pages"] == [[page.page, round(page.part, 4)] for page in pages]
    spans = iter(marked["passages"])
    for page in pages:
        for passage in page.passages:
            first, after, share = next(spans)
            tokens = slice(first - prompt.document_start, after - prompt.document_start)
            assert set(prompt.places.page[tokens].tolist()) == {page.page}
            assert (prompt.places.start[tokens][0], prompt.places.end[tokens][-1]) == (passage.start, passage.end)
            assert share == round(passage.share, 4)
    assert next(spans, None) is None


def test_quotes_are_marked_on_their_pages() -> None:
    prompt = prompt_tokens(compose_pages([[4, 2], [3]], before=2, after=1))
    quotes = [Quote(0, 9, 2, 2, 6), Quote(9, 12, 1, 1, 3, similarity=93)]
    pages = [KeptPage(0, 1, 1.0, 0.5, (KeptPassage(0, 4, 0.5),))]
    assert held(pages, quotes, prompt, page_texts(prompt), "full") == {
        "pages": [[1, 1.0]], "passages": [[7, 9, 0.5]], "quotes": [[11, 13]], "near": [[7, 9, 93]], "note": "full",
    }  # fmt: skip


def scripted(
    session: Session, text: str, kept: dict[int, list[int]], opening: str = "", section: SectionPlace | None = None
) -> str:
    """A run over two pages of four tokens that writes word by word and keeps `kept[step]` from that step on."""
    script = ScriptedRun(section=section)
    script.composed = compose_pages([[4, 4]], 1, 1)
    words = [word if number == 0 else f" {word}" for number, word in enumerate(text.split(" "))]
    for step, word in enumerate(words):
        if step in kept:
            counts = np.zeros((3, script.composed.prompt_tokens + step), np.uint8)
            counts[:, kept[step]] = 2
            script.emit(CacheRefreshed(step, (0, 1, 2), counts.sum(axis=0), "stride", counts))
        script.emit(TokenGenerated(1, word, step, 0, 0.1))
    place = len(session.draft.text)
    made = into(session, script.finish(), place, place, opening=opening)
    made.join(30)
    assert made.current is not None
    return made.current.feed.run_id


def pages_of(session: Session, passage: str) -> list[int]:
    """The pages held while a passage of the draft was written, the most first."""
    draft = session.draft.text
    start = draft.index(passage)
    message = passage_message(session.runs, None, draft, start, start + len(passage))
    assert message is not None
    return [page for page, _ in message["held"]["pages"]]


def test_an_edit_inside_a_passage_does_not_shift_what_follows(session: Session) -> None:
    """The first four words are written from page 1, the others from page 2."""
    key = scripted(session, "alpha beta gamma delta. epsilon zeta eta theta iota.", {0: [1, 2], 4: [6, 7]})
    draft = "alpha beta gamma delta. A long sentence of mine stands here now. epsilon zeta eta theta iota."
    assert session.draft.edit(draft, session.draft.revision)
    assert pages_of(session, "alpha beta gamma delta.") == [0]
    assert pages_of(session, "epsilon zeta eta theta iota.") == [1]
    assert pages_of(session, "eta theta iota.") == [1]
    message = passage_message(session.runs, None, draft, 3, 3)  # the caret: the sentence around it
    assert message is not None
    assert (message["run"], message["held"]["note"]) == (key, "")
    assert message["held"]["passages"] == [[1, 3, 1.0]]


def test_an_opening_and_blank_lines_show_what_the_nearest_word_does(store: Store, session: Session) -> None:
    """What was given to the model, and what has no words, is not looked at in vain."""
    assert session.draft.edit("Mine, all of it, and nobody else's.\n\n", 0)
    kept = {0: [1, 2], 4: [6, 7]}
    key = scripted(
        session, "alpha beta gamma delta. \n\nepsilon zeta eta theta iota.\n", kept, "# Report\n\n## One\n\n"
    )
    draft = session.draft.text
    shown = {}
    for name, place in {
        "title": draft.index("Report"), "heading": draft.index("One"), "under it": draft.index("alpha") - 1,
        "between": draft.index("\n\nepsilon"), "end": len(draft), "above": draft.index("# Report") - 1,
    }.items():  # fmt: skip
        message = passage_message(RunLibrary(store, session.id), None, draft, place, place)
        assert message is not None
        shown[name] = message["held"]["note"], [page for page, _ in message["held"]["pages"]]
    first, second = ("", [0]), ("", [1])
    assert shown == {
        "title": first, "heading": first, "under it": first, "between": first, "end": second, "above": ("typed", []),
    }  # fmt: skip
    message = passage_message(session.runs, None, draft, draft.index("# Report"), len(draft))
    assert message is not None
    assert (message["run"], [page for page, _ in message["held"]["pages"]]) == (key, [1, 0])


def test_what_nobody_wrote_says_so_and_is_looked_for_in_the_documents(commands: Commands, session: Session) -> None:
    assert passage_message(session.runs, None, "Nothing was written yet.", 0, 7) is None
    session.sources.paste(TEXT)
    commands.write(session, ask(method=REFRESHED), at(session), "anew").join(60)
    draft = "Mine: the light stood on the rock for a hundred years."
    message = passage_message(session.runs, None, draft, 8, 8)
    assert message is not None
    marks = message["held"]
    assert (message["run"], marks["note"], marks["pages"]) == (session.runs.newest, "typed", [])
    run = session.runs.open(session.runs.newest)
    assert run is not None
    prompt = run.feed.trace.prompt
    pieces = "".join(prompt.pieces)
    begin = prompt.document_start + len(pieces[: pieces.index("light")].encode())
    assert marks["quotes"] == [[begin, begin + len("light stood on the rock for a hundred years")]]
    assert passage_message(session.runs, None, " \n ... ", 0, 7) is None


def test_quotes_stay_on_their_document_when_sources_change(commands: Commands, session: Session) -> None:
    """A document comes before the one that was read: what the run read is what is searched."""
    session.sources.paste(TEXT)
    commands.write(session, ask(method=REFRESHED), at(session), "anew").join(60)
    before = passage_message(session.runs, None, TEXT, 0, len(TEXT))
    session.sources.paste("Another text, of which nothing was read by the run that wrote.")
    session.sources.move(session.sources.files[1].id, -1)
    assert passage_message(session.runs, None, TEXT, 0, len(TEXT)) == before
    session.sources.remove(session.sources.files[1].id)
    assert passage_message(session.runs, None, TEXT, 0, len(TEXT)) == before
    assert before is not None
    assert len(before["held"]["quotes"]) == 1


def test_full_attention_has_a_note_of_its_own(session: Session) -> None:
    scripted(session, FIRST, {})
    message = passage_message(session.runs, None, FIRST, 0, len(FIRST))
    assert message is not None
    assert (message["held"]["note"], message["held"]["pages"]) == ("full", [])


def test_what_an_earlier_run_wrote_is_marked_on_its_own_documents(session: Session) -> None:
    first, second = scripted(session, FIRST, {0: [1]}), scripted(session, f"\n{SECOND}", {0: [6]})
    for text, key, pages in ((FIRST, first, [0]), (SECOND, second, [1])):
        start = session.draft.text.index(text)
        message = passage_message(session.runs, None, session.draft.text, start, start + len(text))
        assert message is not None
        assert (message["run"], [page for page, _ in message["held"]["pages"]]) == (key, pages)


def test_a_passage_is_looked_at_without_playing_its_run_again(session: Session) -> None:
    key = scripted(session, FIRST, {0: [1]})
    run = session.runs.open(key)
    assert run is not None
    replay, quotations = run.replay, run.quotations
    for start in (0, 12):
        passage_message(session.runs, None, FIRST, start, start)
    again = session.runs.open(key)
    assert again is run
    assert (again.replay, again.quotations) == (replay, quotations)


def test_the_method_of_a_passage_task_is_not_the_pages(commands: Commands, session: Session) -> None:
    session.sources.paste(TEXT)
    assert session.draft.edit(FIRST, 0)
    commands.propose(session, ask(method=REFRESHED), at(session, 0, len(FIRST)), "rewrite").join(60)
    attempts = session.runs.entries  # the model writes nothing of use
    assert {(entry.method, entry.proposes) for entry in attempts} == {(FULL_ATTENTION, True)}
