"""What the server says, in both languages: nothing is missing, and each page is told in its own."""

import ast
import asyncio
import errno
import json
import os
import re
import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from babel.messages.pofile import read_po

from app.project.session import Session
from app.project.sessions import Sessions
from app.prompt.window import Budget, WindowFull
from app.say.catalogue import Catalogue, Catalogues, catalogues
from app.say.errors import AppError, EmptyField, ProjectGone, StoreError
from app.say.wording import ENGLISH, Message, Wording
from app.web.events import errors_said, worded, wording
from app.web.page.labels import LABELS
from core import LoadingError, RefreshKVError, Statement
from core.policies import METHODS
from tests.app.scripted import ScriptedRun, into
from tests.app.web.page.streams import Shown

ROOT = Path(__file__).parents[3]
JA = Wording("ja")
TRANSLATED = catalogues().languages[1:]
ENTRIES = [(language, *entry) for language in TRANSLATED for entry in catalogues()[language].entries.items()]

REASONS = {
    *map(os.strerror, errno.errorcode),
    "database or disk is full",
    "database is locked",
    "attempt to write a readonly database",
    "unable to open database file",
    "disk I/O error",
    "database disk image is malformed",
    "file is not a database",
    "File is not a zip file",
}
"""What the system, SQLite and zipfile give as reasons."""


def trees(folder: str, without: str = "") -> list[ast.Module]:
    """The modules, but for those in another folder."""
    left_out = [ROOT / without] if without else []
    files = [file for file in (ROOT / folder).rglob("*.py") if not any(map(file.is_relative_to, left_out))]
    return [ast.parse(file.read_text("utf-8")) for file in files]


def nodes(folder: str, without: str = "") -> list[ast.AST]:
    """All of their code."""
    return [node for tree in trees(folder, without) for node in ast.walk(tree)]


def calls(found: list[ast.AST], names: set[str]) -> list[tuple[str, ast.expr]]:
    """The first argument of each call of these names, with the name."""
    made = [(ast.unparse(node.func), node) for node in found if isinstance(node, ast.Call)]
    return [(name, call.args[0]) for name, call in made if call.args and names & {name, name.split(".")[-1]}]


def errors(base: type[Exception]) -> dict[str, type[Exception]]:
    """The class and all below it, by name."""
    below = [errors(cls) for cls in base.__subclasses__()]
    return {base.__name__: base} | {name: cls for found in below for name, cls in found.items()}


def pattern_of(node: ast.AST) -> str | None:
    """A literal text; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def places(pattern: str) -> set[tuple[str, str, str]]:
    """The places of a pattern by number or name, each with its conversion and format."""
    found = [place[1:] for place in string.Formatter().parse(pattern) if place[1] is not None]
    return {(name or str(index), conversion or "", form or "") for index, (name, form, conversion) in enumerate(found)}


def said_by_core() -> set[str | None]:
    """The patterns of core's errors and of what it reports of loading, and what its methods do."""
    coded = {*errors(RefreshKVError), "Statement"}
    found = nodes("core", without="core/train")  # a command, which speaks English
    made = [node for node in found if isinstance(node, ast.Call) and ast.unparse(node.func) in coded]
    return {pattern_of(node.args[1]) for node in made} | {method.summary for method in METHODS.values()}


def said(language: str) -> set[str]:
    """The English of what a language says outside labels."""
    return {english for context, english in catalogues()[language].entries if not context}


@pytest.mark.parametrize(("language", "entry", "translation"), ENTRIES)
def test_a_translation_has_the_places_of_its_english(language: str, entry: tuple[str, str], translation: str) -> None:
    assert places(translation) == places(entry[1])


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_complete(language: str) -> None:
    file = ROOT / "app" / "say" / language / "messages.po"
    with file.open("rb") as opened:
        read = read_po(opened, abort_invalid=True)
    assert str(read.locale).replace("_", "-") == language
    assert [entry.id for entry in read if entry.id and (entry.fuzzy or not entry.string)] == []
    assert read.obsolete == {}
    ids = [line for line in file.read_text("utf-8").splitlines() if line.startswith("msgid ")]
    assert len(ids) == 1 + len(catalogues()[language].entries)  # the header's; none is there twice


@pytest.mark.slow
@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_that_is_said_has_its_translation_and_nothing_else_has(language: str) -> None:
    found = nodes("app")
    needed = {pattern_of(one) for _, one in calls(found, {"say", "_say", "wording(request)"})} | said_by_core()
    for node in found:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("say.count"):
            needed |= {pattern_of(one) for one in node.args[1:3]}
    assert len(needed) > 100
    assert needed - {None} - said(language) == set()
    assert said(language) - {pattern_of(node) for node in found} - said_by_core() - REASONS == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_label_has_its_translation_and_each_context_is_a_label(language: str) -> None:
    entries = set(catalogues()[language].entries)
    assert {label for label in LABELS.items() if label not in entries and label[1] not in said(language)} == set()
    assert {entry for entry in entries if entry[0]} <= set(LABELS.items())


def test_a_label_with_a_context_of_its_own_is_told_apart_from_the_rest() -> None:
    two = Catalogue({("", "Open"): "offen", ("projects", "Open"): "Öffnen"})
    assert [two.pattern("Open"), two.pattern("Open", "projects"), two.pattern("Open", "other")] == [
        "offen", "Öffnen", "offen",
    ]  # fmt: skip
    assert two.pattern("Close", "projects") == "Close"


@pytest.mark.slow
@pytest.mark.parametrize("language", TRANSLATED)
def test_every_error_and_message_is_a_pattern_that_has_its_translation(language: str) -> None:
    found = nodes("app", without="app/web/api")  # programs are answered in English
    made_of_others = {name for name, cls in errors(AppError).items() if "__init__" in vars(cls)}
    raised = [one for name, one in calls(found, set(errors(AppError)) - made_of_others)]
    assert len(raised) > 80
    either = [part for one in raised for part in ((one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,))]
    assert [ast.unparse(one) for one in either if not isinstance(one, ast.Constant)] == []
    messages = [one for _, one in calls(found, {"Message", "super().__init__"})]
    assert [ast.unparse(one) for one in messages if isinstance(one, ast.JoinedStr)] == []
    assert {pattern_of(one) for one in [*either, *messages]} - {None, ""} - said(language) == set()


@pytest.mark.slow
def test_sentences_that_have_a_name_have_their_japanese() -> None:
    assigned = [node for tree in trees("app", without="app/prompt") for node in tree.body]  # prompts are for the model
    values = [node.value for node in assigned if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    texts = {text for value in values for node in ast.walk(value) if (text := pattern_of(node))}
    sentences = {text for text in texts if re.fullmatch(r"[A-Z].*[a-z]\.", text)}
    assert len(sentences) > 8
    assert sentences - said("ja") == set()


@pytest.mark.slow
def test_nothing_is_shown_that_was_not_worded() -> None:
    shown = calls(
        nodes("app", without="app/web/api"), {"gr.Error", "gr.Warning", "gr.Info", "failure", "warn", "notice"}
    )
    assert len(shown) > 10
    assert [ast.unparse(one) for _, one in shown if isinstance(one, ast.Constant | ast.JoinedStr)] == []


def test_an_error_of_core_is_said_with_all_that_is_in_it() -> None:
    remedy = Statement("remedy", "Delete the folder {folder} and load again to have it made anew.", folder="/a/{b}.c")
    error = LoadingError(
        "failed", "{name!r} could not be loaded: {reason}. {remedy}", name="x", reason="No such thing", remedy=remedy
    )
    message = Message.of(error)
    assert str(message) == str(error)
    assert message.worded(JA) == (
        "'x' を読み込めませんでした：No such thing。フォルダー /a/{b}.c を削除して読み込み直すと、作り直されます。"
    )
    kept = Message.from_plain(json.loads(json.dumps(message.plain)))
    assert (kept, kept.worded(JA)) == (message, message.worded(JA))
    assert len({kept, message, Message.of(remedy), Message("{unknown}")}) == 3


def test_a_message_is_said_in_any_language_also_after_it_was_kept() -> None:
    message = Message("{} of {:,}", Message("{} unfolds to", "a{b}.zip"), 2000)
    kept = Message.from_plain(json.loads(json.dumps(message.plain)))
    assert kept == message
    assert kept != Message("{} of {:,}", "a{b}.zip", 2000)
    assert [str(kept), kept.worded(JA)] == ["a{b}.zip unfolds to of 2,000", "a{b}.zip を展開すると of 2,000"]
    assert str(Message.from_plain("{as it was}")) == "{as it was}"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("ja", "ja"),
        ("JA;q=1", "ja"),
        ("en-US,en;q=0.9,ja;q=0.8", "en"),
        ("jam", "en"),
        ("", "en"),
        ("*", "en"),
        ("de,ja;q=0.8,en;q=0.7", "ja"),
        ("de, en;q=0.8, ja;q=0.81", "ja"),
        ("en;q=0.9,ja;q=0.9", "en"),
        ("en;q=0, ja;q=0.1", "ja"),
        ("ja;q=0", "en"),
        ("ja;q=0.2,*", "en"),
        ("ja;q=?, en", "ja"),
        (";;,=,", "en"),
    ],
)
def test_the_best_of_the_languages_on_offer_is_taken(header: str, language: str) -> None:
    assert Wording.of(header).language == language


def test_a_folder_more_is_a_language_more(tmp_path: Path) -> None:
    for language, translation in (("pt-BR", "Aberto: {}"), ("de", "{} ist offen")):
        (tmp_path / language).mkdir()
        text = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n\nmsgid "{{}} is open"\nmsgstr "{translation}"\n'
        (tmp_path / language / "messages.po").write_text(text, "utf-8")
    (tmp_path / "__pycache__").mkdir()
    offered = Catalogues(tmp_path)
    assert offered.languages == ("en", "de", "pt-BR")
    headers = ["de-AT,de;q=0.9", "PT-br", "fr, pt-BR;q=0.5, de;q=0.1", "en-GB,de;q=0.9", "fr"]
    assert [offered.best(header) for header in headers] == ["de", "pt-BR", "pt-BR", "en", "en"]
    assert [offered[language].pattern("{} is open") for language in offered.languages] == [
        "{} is open", "{} ist offen", "Aberto: {}",
    ]  # fmt: skip
    assert offered["de"].pattern("") == ""  # which is the header's name in the file


def test_what_has_no_japanese_is_said_as_it_is() -> None:
    assert JA("{x} is no name.") == ENGLISH("{x} is no name.") == "{x} is no name."


def test_lists_and_sentences_are_joined_as_the_language_does() -> None:
    assert [ENGLISH.listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert JA.listed(["a", "b", "c"]) == "a、b、c"
    assert ENGLISH.together("One.", "", "Two.") == "One. Two."
    assert JA.together("一。", "", "二。") == "一。二。"


@pytest.mark.slow
def test_an_event_knows_the_language_of_its_page(sessions: Sessions, session: Session) -> None:
    page: Any = SimpleNamespace(session_hash="page", headers={"accept-language": "ja,en;q=0.8"})
    assert wording(page) == JA
    assert wording(cast(Any, SimpleNamespace(session_hash="page"))) == ENGLISH
    made = into(session, ScriptedRun().finish("It"), 0, 0)
    assert made.wait(30)
    shown = Shown.of(sessions)
    first = asyncio.run(anext(shown.stream.follow(session.id, page)))
    assert "完了：指定の長さに達しました。" in first[shown.parts.progress]
    assert "<dt>最初のトークン</dt>" in first[shown.parts.rates]


@pytest.mark.parametrize(
    ("error", "english", "japanese"),
    [
        (AppError("{} of {x} is no pattern."), "{} of {x} is no pattern.", "{} of {x} is no pattern."),
        (
            AppError("The answer's length is {}; it must be 1 to {:,}.", 0, 2048),
            "The answer's length is 0; it must be 1 to 2,048.",
            "回答の長さが 0 です。1 から 2,048 までにしてください。",
        ),
        (
            EmptyField("My own instruction", "Instruction"),
            "My own instruction: the field “Instruction” is empty. Write what the model is to do.",
            "自由な指示：「指示」が空です。モデルにしてほしいことを書いてください。",
        ),
        (
            WindowFull(Budget((), 1790, 0, 200, window=1800)),
            "Too long by 190 tokens: instruction 1,790 + answer 200 = 1,990; the model's window is 1,800. "
            "Shorten the instruction or the draft.",
            "190 トークン超過：指示 1,790 + 回答 200 = 1,990、モデルのウィンドウは 1,800。"
            "指示か原稿を短くしてください。",
        ),
    ],
)
def test_an_error_is_said_in_the_language_of_the_page(error: AppError, english: str, japanese: str) -> None:
    assert str(error) == english
    assert error.worded(JA) == japanese
    page: Any = SimpleNamespace(session_hash="page", headers={"accept-language": "ja"})
    assert worded(error, page) == japanese


def test_what_a_toast_says_is_no_html() -> None:
    page: Any = SimpleNamespace(session_hash="page", headers={})
    with pytest.raises(gr.Error) as refused, errors_said(page):
        raise StoreError("{} is too large.", "<b>${1}</b>.pdf")
    assert refused.value.message == "&lt;b&gt;&#36;&#123;1&#125;&lt;/b&gt;.pdf is too large."


def test_a_project_that_is_gone_is_said_so_in_japanese() -> None:
    page: Any = SimpleNamespace(session_hash="page", headers={"accept-language": "ja"})
    with pytest.raises(gr.Error, match="別のウィンドウで削除されました"), errors_said(page):
        raise ProjectGone
