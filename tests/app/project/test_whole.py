"""A text about the whole of documents, section by section."""

import re
from dataclasses import replace

import pytest

from app.documents import Document, Page
from app.project.commands import Commands
from app.project.insertion import Insertion, InsertionPoint
from app.project.material import Material
from app.project.resuming import unwritten
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.whole import section_text, tidied, whole_plan
from app.project.writing import Writing
from app.prompt.compose import compose, count_tokens
from app.prompt.messages import Source
from app.prompt.reading_plan import ReadingPlan
from app.prompt.request import WriteRequest
from app.reading.reading import Reading
from app.say.errors import PromptError
from app.store import Store, read_draft
from app.text.citations import cited, without_citations
from tests.app.conftest import ask, at, held
from tests.app.reading.books import book
from tests.app.scripted import ScriptedEngine, ScriptedRun
from tests.core.tiny import byte_tokenizer

BOOK = book([("The Lamps", [9, 9]), ("2. Of Fog", [9, 9]), ("Chapter 3: Oil", [9, 9, 9]), ("Boats", [9, 9])], pages=900)
HEADINGS = ["The Lamps", "Of Fog", "Oil", "Boats"]
ENGINE_WINDOW = 8_192


def quoting(**fields: object) -> WriteRequest:
    return ask(**{"wording": "quoted", "max_new_tokens": 900, "length": "160", **fields})


def sources(*documents: Document) -> list[Source]:
    return [Source(document, document.pages) for document in documents or (BOOK,)]


def written(writing: Writing) -> str:
    """All of it, once it is over."""
    assert writing.wait(120)
    assert (writing.error, writing.state) == (None, "finished")
    return writing.text


def paragraphs(request: WriteRequest, *documents: Document) -> list[tuple[str, list[str]]]:
    """For each section its heading, and its sentences; the last of a page names that page."""
    reading = Reading(documents or (BOOK,))
    found = []
    for section in whole_plan(reading, request, "").sections:
        sentences: list[str] = []
        for sayings in section.sayings:
            pages = [saying.page for saying in sayings]
            for index, saying in enumerate(sayings):
                last = index == len(sayings) - 1 or pages[index + 1] != pages[index]
                name = reading.documents[saying.document].name if len(documents) > 1 else ""
                sentences.append(cited(saying.text, [saying.page], name) if last else saying.text)
        found.append((section.heading, sentences))
    return found


def as_report(title: str, found: list[tuple[str, list[str]]]) -> str:
    """When each section is one paragraph."""
    sections = [f"## {heading}\n\n{' '.join(sentences)}" for heading, sentences in found]
    return f"# {title}\n\n" + "\n\n".join(sections)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["FullAttention", "RefreshKV"])
def test_a_report_is_openings_and_sentences_with_their_pages(commands: Commands, method: str) -> None:
    request = quoting(task="report", method=method, temperature=0.8)
    found = paragraphs(request)
    assert [heading for heading, _ in found] == HEADINGS
    text = written(commands.write_apart(sources(), request))
    assert text == as_report("book", found)
    # No number that is not in the sources or a page's.
    whole = "".join(page.text for page in BOOK.pages)
    references = re.findall(r"\(pp?\. [\d, ]+\)", text)
    assert references
    assert set(re.findall(r"\d+", without_citations(text))) <= set(re.findall(r"\d+", whole))
    numbers = {int(number) for reference in references for number in re.findall(r"\d+", reference)}
    assert numbers <= {page.number for page in BOOK.pages}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["summary", "essay", "notes", "outline"])
def test_other_tasks_have_the_same_sentences_in_their_form(commands: Commands, task: str) -> None:
    request = quoting(task=task, detail="" if task != "essay" else "How was the lamp of the tower kept?")
    found = paragraphs(request)
    text = written(commands.write_apart(sources(), request))
    sections = [" ".join(sentences) for _, sentences in found]
    if task == "summary":
        assert text == "\n\n".join(sections)
    elif task == "notes":
        lists = [f"## {heading}\n\n" + "\n".join(f"- {each}" for each in listed) for heading, listed in found]
        assert text == "\n\n".join(lists)
    elif task == "outline":
        outline = "\n".join(f"{number}. {heading}" for number, heading in enumerate(HEADINGS, 1))
        begin = f"# book\n\n## Outline\n\n{outline}\n\n---\n\n"
        assert text == begin + as_report("", found).removeprefix("# \n\n")
    else:
        assert text.startswith("# How was the lamp of the tower kept?\n\n")
        assert text.count("#") == 1
        assert re.sub(r"\s+", " ", text.split("\n\n", 1)[1]) == " ".join(sections)


@pytest.mark.slow
def test_several_documents_are_named(commands: Commands) -> None:
    other = replace(book([("The Keeper", [9, 9]), ("Ships", [9, 9]), ("Reefs", [9, 9])], pages=900), name="coast.txt")
    pages = tuple(replace(page, text=page.text.replace("Baba", "Zozo")) for page in other.pages)
    other = replace(other, pages=pages)
    single = Document(
        "note.txt", (Page(1, None, "The wind of the north carried the snow over all of the islands. " * 9),)
    )
    request = quoting(task="report", length="200")
    text = written(commands.write_apart(sources(BOOK, other, single), request))
    assert text.startswith("# book, coast, note\n\n## book.txt: The Lamps\n\n")
    assert "\n\n## coast.txt: The Keeper\n\n" in text
    assert "\n\n## note.txt\n\nThe wind of the north carried the snow over all of the islands." in text
    assert re.search(r" \(book\.txt, p\. \d\)\.", text)
    assert re.search(r" \(coast\.txt, p\. \d\)\.", text)
    assert "(note.txt" not in text  # it has one page


@pytest.mark.slow
def test_continue_goes_on_with_the_next_section(commands: Commands, session: Session) -> None:
    request = quoting(task="report")
    whole = as_report("book", paragraphs(request))
    begun = whole[: whole.index("\n\n## Oil")]
    assert written(commands.write_apart(sources(), request, begun)) == whole.removeprefix(begun)
    # A section that stands there is not written again, wherever it stands and whatever is below its heading.
    mine = "# Mine\n\n## Of Fog\n\nI know this one.\n\n## Boats\n\nAnd this.\n"
    text = written(commands.write_apart(sources(), request, mine))
    assert re.findall(r"## (.*)", text) == ["The Lamps", "Oil"]
    assert text.startswith("\n## The Lamps\n\n")
    # So too without headings, by its sentences.
    summary = quoting(task="summary")
    sections = [" ".join(sentences) for _, sentences in paragraphs(summary)]
    rest = written(commands.write_apart(sources(), summary, "\n\n".join(sections[:2])))
    assert rest == "\n\n" + "\n\n".join(sections[2:])


@pytest.mark.slow
def test_stopping_keeps_what_is_there_and_continue_ends_the_section(commands: Commands, session: Session) -> None:
    session.sources.paste("\f".join(page.text for page in BOOK.pages))  # without headings: all are called the same
    request = quoting(task="report")
    (source,) = session.material.sources
    whole = as_report("Pasted text", paragraphs(request, source.document))
    with held(commands.engine, 40):
        writing = commands.write(session, request, at(session), "anew")
        while "The" not in writing.text.partition("## ")[2]:
            writing.notifier.wait(0, 0.05)
        writing.stop()
    assert writing.wait(60)
    assert writing.state == "stopped"
    kept = writing.text
    assert session.draft.text == kept
    assert whole.startswith(kept)
    assert kept.count("\n## ") == 1
    written(commands.write(session, request, at(session), "end"))
    assert session.draft.text == whole


@pytest.mark.slow
@pytest.mark.parametrize("ending", ['."', ".”", "!", "。"])
def test_a_quoted_ending_is_known_again(commands: Commands, ending: str) -> None:
    opening = {'."': '"', ".”": "“"}.get(ending, "")
    keepers = ("Bako", "Rimo", "Tulo")
    said = [f"The keeper of {name} said to him {opening}light the lamp at dusk{ending}" for name in keepers]
    text = "\f".join(f"{sentence}\n\n" + "lamp oil wick\n" * 30 for sentence in said)
    pages = tuple(Page(number, None, each) for number, each in enumerate(text.split("\f"), 1))
    document = Document("a.txt", pages)
    request = quoting(task="summary", length="60")
    whole = whole_plan(Reading([document]), request, "")
    assert whole.sections
    draft = written(commands.write_apart(sources(document), request))
    assert unwritten(whole_plan(Reading([document]), request, draft), draft).sections == ()


@pytest.mark.slow
def test_marks_of_the_template_in_a_document_are_written_as_they_are(commands: Commands) -> None:
    sentence = "The mark <|im_end|> and the sign <end> stand at the end of each message that was sent."
    document = Document("a.txt", (Page(1, None, f"{sentence} Then the keeper of the tower wrote it in his book."),))
    request = quoting(task="summary", length="60")
    assert sentence in written(commands.write_apart(sources(document), request))


@pytest.mark.slow
def test_in_its_own_words_each_section_is_held_to_its_parts(commands: Commands) -> None:
    long = book([(heading, [9] * 12) for heading in HEADINGS], pages=900)
    request = ask(task="report", wording="own", grounded=True, length="160", max_new_tokens=300)
    reading = Reading([long])
    sections = whole_plan(reading, request, "").sections
    advance = commands._specs.along_chapters(Material(sources(long)), request, "")
    specs: list[RunSpec] = []
    text = ""
    while spec := advance("", text):
        specs.append(spec)
        text += f"{spec.opening}The lamp was lit."
    assert text == as_report("book", [(heading, ["The lamp was lit."]) for heading in HEADINGS])
    for number, (spec, section) in enumerate(zip(specs, sections, strict=True)):
        held_to = spec.request.grounding
        assert held_to is not None
        pages = [page.text for each in reading.pages(section.parts).values() for page in each]
        assert held_to.sources[: len(pages)] == tuple(pages)
        assert long.name in held_to.sources
        assert f"“{section.heading}”" in held_to.sources[-2]
        assert held_to.sources[-1].endswith(f"## {section.heading}\n\n")
        assert (spec.request.dictated, spec.request.document_end) == ("", 0)
        assert spec.request.stop_strings == ("\n#",)
        assert spec.section == (number + 1, len(HEADINGS), section.heading)
        assert spec.tidy is not None
    free = commands._specs.along_chapters(Material(sources(long)), request.but(grounded=False), "")("", "")
    assert free is not None
    assert free.request.grounding is None
    text = written(commands.write_apart(sources(long), request.but(max_new_tokens=100)))
    assert text.startswith("# book\n\n## The Lamps\n\n")


def test_what_a_model_wrote_ends_with_a_sentence_and_names_its_pages() -> None:
    reading = Reading([BOOK])
    part = reading.parts[0]
    (saying, *_) = reading.sayings(0, 20)
    text = f"{saying.text} And then the"
    assert tidied(reading, [0], text) == cited(saying.text, [saying.page])
    unknown = "Elephants of the savannah eat forty kilograms of bananas."
    assert tidied(reading, [0], f"{unknown}\n\n{text}") == f"{unknown}\n\n{cited(saying.text, [saying.page])}"
    assert tidied(reading, [part.number], "") == ""


@pytest.mark.parametrize("finished", [True, False])
def test_what_is_tidied_is_the_drafts_when_the_run_has_finished(session: Session, finished: bool) -> None:
    run = ScriptedRun()
    insertion = Insertion(InsertionPoint("Mine.", "", ""))
    spec = run.spec("\n\n## Oil\n\n", tidy=_without_half)
    writing = Writing(ScriptedEngine(), spec, insertion, session.draft, session.runs)  # type: ignore[arg-type]
    assert session.draft.edit("Mine.", session.draft.revision)
    session.write(writing)
    run.say("Oil is ", "kept. It half")
    if finished:
        run.finish()
    else:
        writing.stop()
    assert writing.wait(60)
    kept = "Mine.\n\n## Oil\n\nOil is kept." + ("" if finished else " It half")
    assert session.draft.text == kept
    assert session.draft.state.written == (5, len(kept))
    assert session.draft.undo()
    assert session.draft.text == "Mine."


def test_a_model_that_writes_nothing_leaves_the_draft_in_the_store_as_it_is(session: Session, store: Store) -> None:
    run = ScriptedRun()
    assert session.draft.edit("Mine.", session.draft.revision)
    insertion = Insertion(InsertionPoint("", "Mine.", ""))
    spec = run.spec("# Report\n\n", tidy=_without_half)
    writing = Writing(ScriptedEngine(), spec, insertion, session.draft, session.runs)  # type: ignore[arg-type]
    session.write(writing)
    run.finish()
    assert writing.wait(60)
    session.draft._run_autosave.flush()
    assert (session.draft.text, read_draft(store, session.id)) == ("Mine.", "Mine.")


def _without_half(text: str) -> str:
    return text.removesuffix(" It half")


def test_small_models_quote_unless_another_language_is_wished(commands: Commands) -> None:
    specs = commands._specs
    given = Material(sources())
    assert commands.engine.parameters < 1_000_000
    assert specs.quotes(given, quoting(wording="auto"))
    assert not specs.quotes(given, quoting(wording="auto", language="Deutsch"))
    assert specs.quotes(given, quoting(language="Deutsch"))
    assert not specs.quotes(given, quoting(wording="own"))
    assert specs.in_parts(Material(sources()), quoting(wording="auto"))
    assert not specs.in_parts(Material([]), quoting())
    assert not specs.in_parts(Material(sources()), quoting(task="table"))
    short = sources(book([("", [3])]))
    assert not specs.in_parts(Material(short), quoting(wording="own"))
    long = sources(book([("", [9] * 60)]))
    assert specs.in_parts(Material(long), quoting(wording="own"))
    assert specs.warning(given, quoting(wording="auto")) is None
    assert specs.warning(Material([]), quoting(wording="own")) is None
    assert "another language" in str(specs.warning(given, quoting(wording="auto", language="Deutsch")))
    assert "invented" in str(specs.warning(given, quoting(wording="own")))
    assert specs.quotes(given, quoting(wording="auto", language="English"))
    assert not specs.quotes(given, quoting(wording="auto", language="日本語"))
    lamp = Document("灯台.txt", (Page(1, None, "灯台の光は夜ごとに海を照らし、船を導く。" * 9),))
    assert specs.quotes(Material(sources(lamp)), quoting(wording="auto", language="Japanese"))


def test_the_budget_is_that_of_the_longest_section(commands: Commands) -> None:
    request = quoting(task="report")
    budget = commands.budget(Material(sources()), request, "")
    plan = budget.plan
    assert isinstance(plan, ReadingPlan)
    assert [section.heading for section in plan.sections] == list(HEADINGS)
    assert (plan.pages, plan.quoted) == (len(BOOK.pages), True)
    assert 0 < plan.seen <= plan.pages
    assert budget.excess <= 0
    begun = as_report("book", paragraphs(request)[:3])
    left = commands.budget(Material(sources()), request, begun).plan
    assert left is not None
    assert [section.heading for section in left.sections] == [HEADINGS[-1]]


@pytest.mark.parametrize("task", ["report", "table"])
def test_room_is_left_for_the_opening(commands: Commands, task: str) -> None:
    request = ask(task=task, detail="Name, Height" if task == "table" else "")
    tokenizer = byte_tokenizer()
    opening = request.kind.opening(request.detail, request.shape)
    text = "The tide came in over the reef and the keeper wrote it down. "
    instruction = request.kind.instruction(request.detail, request.shape)
    bare = compose(tokenizer, sources(Document("a.txt", (Page(1, None, text),))), instruction).prompt_tokens
    size = len(text) + ENGINE_WINDOW - request.max_new_tokens - bare - count_tokens(tokenizer, opening) // 2
    pages = tuple(Page(1, None, (text * 200)[:size]) for _ in range(1))
    given = Material(sources(Document("a.txt", pages)))
    assert commands.budget(given, request, "").excess <= 0
    writing = commands.write_apart(given.sources, request)
    writing.stop()
    assert writing.wait(60)


def test_when_all_sections_stand_in_the_draft_that_is_said(commands: Commands, session: Session) -> None:
    request = quoting(task="report")
    whole = as_report("book", paragraphs(request))
    with pytest.raises(PromptError, match="All sections of this text stand in the draft"):
        commands.write_apart(sources(), request, whole)
    with pytest.raises(PromptError, match="All sections of this text stand in the draft"):
        commands.budget(Material(sources()), request, whole)


def test_what_cannot_be_quoted_is_refused(commands: Commands) -> None:
    code = Document("code.txt", (Page(1, None, "x = 1\ny = 2\n"),))
    for request in (quoting(task="report"), quoting(task="free", detail="What is y?")):
        with pytest.raises(PromptError, match="no sentences or lines of words that could be quoted"):
            commands.write_apart(sources(code), request)
        with pytest.raises(PromptError, match="no sentences or lines of words that could be quoted"):
            commands.budget(Material(sources(code)), request, "")


def test_of_a_document_of_lines_the_lines_are_quoted_as_a_list() -> None:
    lines = "Agenda\n- Oil for the lamp: 40 barrels\n- Who rows on Monday\n- x = 3\n"
    reading = Reading([Document("slides.txt", (Page(1, None, lines), Page(2, None, "Thanks to all\n- Tide tables")))])
    request = quoting(task="report")
    whole = whole_plan(reading, request, "")
    said = [section_text(whole, each, request, "", quotes=True).dictated for each in whole.sections]
    assert said == [
        "- Oil for the lamp: 40 barrels\n- Who rows on Monday (p. 1)\n- Thanks to all\n- Tide tables (p. 2)"
    ]
