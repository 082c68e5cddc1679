"""What the server says, in both languages: nothing is missing, and each page is told in its own."""

import ast
import asyncio
import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from app.budget import Budget, WindowFull
from app.errors import AppError, EmptyField, ProjectGone
from app.japanese import JAPANESE
from app.page.events import Office, errors_said, worded, wording
from app.page.writing import Stream
from app.session import Session
from app.sessions import Sessions
from app.wording import ENGLISH, Wording
from core import InvalidParameterError
from tests.app.scripted import ScriptedEngine, ScriptedRun, into

ROOT = Path(__file__).resolve().parent.parent.parent
JA = Wording("ja")


def trees() -> list[ast.AST]:
    files = [*(ROOT / "app").rglob("*.py"), *(ROOT / "core").rglob("*.py")]
    return [ast.parse(file.read_text("utf-8")) for file in files if file.name != "japanese.py"]


def places(pattern: str) -> set[tuple[str, str]]:
    """The places of a pattern by number, each with its format."""
    found = [(name, form) for _, name, form, _ in string.Formatter().parse(pattern) if name is not None]
    return {(name or str(index), form or "") for index, (name, form) in enumerate(found)}


@pytest.mark.parametrize(("english", "japanese"), JAPANESE.items())
def test_both_languages_have_the_same_places(english: str, japanese: str) -> None:
    assert japanese
    assert places(english) == places(japanese)


def test_everything_that_is_said_has_its_japanese_and_nothing_else_has() -> None:
    said, constants = set(), set()
    for node in (node for tree in trees() for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            constants.add(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("say", "_say", "wording(request)"):
            said |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("say.count"):
            said |= {one.value for one in node.args[1:3] if isinstance(one, ast.Constant)}
    assert said - set(JAPANESE) == set()
    assert set(JAPANESE) - constants == set()


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
    ],
)
def test_the_first_language_of_the_browser_decides(header: str, language: str) -> None:
    assert Wording.of(header).language == language


def test_what_has_no_japanese_is_said_as_it_is() -> None:
    assert JA("{x} is no name.") == ENGLISH("{x} is no name.") == "{x} is no name."


def test_lists_and_sentences_are_joined_as_the_language_does() -> None:
    assert [ENGLISH.listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert JA.listed(["a", "b", "c"]) == "a、b、c"
    assert ENGLISH.together("One.", "", "Two.") == "One. Two."
    assert JA.together("一。", "", "二。") == "一。二。"


def test_an_event_knows_the_language_of_its_page(sessions: Sessions, session: Session) -> None:
    page: Any = SimpleNamespace(session_hash="page", headers={"accept-language": "ja,en;q=0.8"})
    assert wording(page) == JA
    assert wording(cast(Any, SimpleNamespace(session_hash="page"))) == ENGLISH
    made = into(session, ScriptedRun().finish("It"), 0, 0)
    assert made.wait(30)
    desk: Any = SimpleNamespace(engine=ScriptedEngine())
    first = asyncio.run(anext(Stream(Office(desk, sessions, shared=False)).follow(session.id, page)))
    assert "完了：指定の長さに達しました。" in first[1]
    assert "<dt>最初のトークン</dt>" in first[2]


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
    assert worded(InvalidParameterError("stride is 0."), page) == "stride is 0."


def test_a_project_that_is_gone_is_said_so_in_japanese() -> None:
    page: Any = SimpleNamespace(session_hash="page", headers={"accept-language": "ja"})
    with pytest.raises(gr.Error, match="別のウィンドウで削除されました"), errors_said(page):
        raise ProjectGone
