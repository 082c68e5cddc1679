"""A Japanese page reads Japanese: how far a run is, rates, sources, the window, comparisons, tables, failures."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pypdf import PdfWriter

from app.documents import Document, Page
from app.engine.engine import Loading
from app.engine.statistics import RunStatistics
from app.export.table_check import check_table
from app.project.commands import Commands
from app.project.comparison import Comparison, Figures, Trial
from app.project.session import UNTITLED, Session
from app.project.sessions import Sessions
from app.project.sources import SourceFile, Sources
from app.prompt.sections import SectionPlace
from app.prompt.tasks import TASKS
from app.prompt.window import Budget, SourceTokens
from app.runs.library import RunEntry
from app.say.errors import ExportError
from app.say.ja import JAPANESE
from app.say.wording import Message, Wording, heard
from app.settings import Limits, Settings
from app.store import Store, Version, create_project
from app.text.diff import Change
from app.web.components.source_list import source_card
from app.web.html import comparison as compare_view
from app.web.html import panels
from app.web.html.comparison import comparison_html
from app.web.html.run_lines import already_read, prefill_progress, status
from app.web.page import model_line
from app.web.page.compare import TITLES
from app.web.page.drafting import _titled as version_titled
from app.web.page.drafting import exported
from app.web.page.events import AppContext, project_name
from app.web.page.evidence import _titled as run_titled
from app.web.page.labels import words
from app.web.page.sources import window_state
from app.web.subscription import RunSubscription
from core import FullAttention, GenerationFinished, PrefillProgress
from core.events import TokenGenerated
from tests.app.conftest import ask, wait
from tests.app.scripted import ScriptedEngine, ScriptedRun, into

JA = Wording("ja")


def progress(session: Session, made: Any, ahead: int = 0) -> str:
    engine: Any = ScriptedEngine(ahead)
    line = RunSubscription(engine, session, made, JA).frame().progress
    assert line is not None
    return line.rsplit("<p>", 1)[1].removesuffix("</p></div>")


def test_the_line_of_a_run_is_japanese(session: Session) -> None:
    assert session.edit("前の原稿", 0)
    script = ScriptedRun()
    made = into(session, script, 0, len("前の原稿"))
    assert progress(session, made, ahead=2) == "待機中：前に 2 件。"
    assert progress(session, made) == "開始しています。"
    script.begin()
    script.events += [(1.0, PrefillProgress(0, 2000)), (2.0, PrefillProgress(500, 2000))]
    wait(lambda: made.progress == PrefillProgress(500, 2000))
    assert progress(session, made).startswith("文書を読み込み中：2,000 トークン中 500（25%）")
    script.say("It")
    script.events.append((3.0, PrefillProgress(2000, 2000)))
    wait(lambda: made.progress == PrefillProgress(2000, 2000) and made.text == "It")
    kept = "以前の原稿は「版」にあり、「元に戻す」で戻せます。"
    assert progress(session, made) == f"執筆中。{kept}"
    script._stopping = True  # the engine has yet to see it
    assert progress(session, made) == "停止しています。"
    script.stop()
    assert made.wait(30)
    assert progress(session, made) == f"停止しました。ここまでの文章は残っています。「続ける」で続きを書けます。{kept}"


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("end_token", "完了：モデルが文章を書き終えました。"),
        ("stop_string", "完了：この部分を書き終えました。"),
        ("length", "完了：指定の長さに達しました。「続ける」で続きを書けます。"),
    ],
)
def test_the_end_of_a_run_is_japanese(session: Session, reason: Any, line: str) -> None:
    script = ScriptedRun().finish("It")
    time, ending = script.events.pop()
    assert isinstance(ending, GenerationFinished)
    script.events.append((time, replace(ending, reason=reason)))
    made = into(session, script, 0, 0)
    assert made.wait(30)
    assert progress(session, made) == line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("new", "完了。原稿の提案を採用するか却下してください。"),
        (" ", "完了：提案はありませんでした。範囲を広げるか、もう一度試してください。"),
        ("old", "完了：提案は元の文章と同じでした。別の指示を出すか、自分で直してください。"),
    ],
)
def test_the_end_of_a_proposal_is_japanese(session: Session, words: str, line: str) -> None:
    assert session.edit("old", 0)
    made = into(session, ScriptedRun().finish(words), 0, 3, proposes=True)
    assert made.wait(30)
    assert progress(session, made) == line


def test_how_far_reading_is_in_japanese() -> None:
    start = "文書を読み込み中：5,600 トークン中 1,400（25%）"
    assert prefill_progress(1400, 5600, 5.0, say=JA)[1] == f"{start}、残り約 15 秒"
    assert prefill_progress(1400, 5600, 5.0, 56.0, say=JA)[1] == f"{start}、残り約 1 分 15 秒"
    assert [already_read(tokens, JA) for tokens in (0, 5983)] == ["", "文書の 5,983 トークンは読み込み済みです。"]


def test_rates_are_japanese() -> None:
    statistics = RunStatistics(30, lambda: 0.0)
    for step, full in ((1, 0), (2, 0), (3, 12)):
        statistics.add(TokenGenerated(1, "a", step, full, 0.04))
    html = panels.rates(status(statistics, JA), JA)
    assert "<dt>トークン/秒</dt><dd>25.0</dd>" in html
    assert "<dt>直前のステップ</dt><dd>混合（30 層中 12 層が全文脈）</dd>" in html
    assert "<dt>ステップ</dt><dd>全文脈 1、部分 2（全文脈 33%）</dd>" in html
    assert "<dt>部分ステップ</dt><dd>40 ms</dd>" in html


def test_a_source_card_is_japanese() -> None:
    pages = (Page(1, None, "a"), Page(2, None, "bcd"))
    document = Document("a.pdf", pages)
    card = source_card(SourceFile(Path("a.pdf"), document, pages="2"), [1200], None, JA)
    assert card["facts"] == "2 ページ中 1 ページ · 3 文字 · 1,200 トークン"
    card = source_card(SourceFile(Path("a.pdf"), document, left_out=True), [2, 3], None, JA)
    assert (card["facts"], card["notes"]) == ("2 ページ · 4 文字 · 5 トークン", ["使いません。"])


def test_a_card_says_in_japanese_what_is_wrong_with_a_file(sessions: Sessions, tmp_path: Path) -> None:
    scan = tmp_path / "scan.pdf"
    writer = PdfWriter()
    writer.add_blank_page(300, 300)
    writer.write(scan)
    (tmp_path / "a.txt").write_text("One\fan exam-\nple")
    sources = sessions.create("page").sources
    sources.add([scan, tmp_path / "a.txt", tmp_path / "gone.txt"])
    sources.choose(1, "3")
    sources.paste("Text.", JA)
    cards = [source_card(file, [], None, JA) for file in sources.files]
    none = "scan.pdf にはテキストがありません。1 ページ中 1 ページがスキャンなどの画像か、白紙です。"
    assert cards[0]["alert"].startswith(none)
    assert cards[1]["notes"] == ["行末で分かれた 1 語をつなぎました。"]
    assert cards[1]["alert"] == "a.txt は 2 ページです。ページ 3 はありません。"
    assert cards[2]["alert"] == "gone.txt を開けません：ファイルが見つかりません。もう一度追加してください。"
    assert cards[3]["name"] == "貼り付けたテキスト"


def test_a_note_is_japanese_also_when_the_project_is_opened_again(store: Store, tmp_path: Path) -> None:
    project = create_project(store, "Tides").id
    (tmp_path / "a.txt").write_text("an exam-\nple")
    Sources(store, project, Limits()).add([tmp_path / "a.txt"])
    (file,) = Sources(store, project, Limits()).files
    assert source_card(file, [], None, JA)["notes"] == ["行末で分かれた 1 語をつなぎました。"]


def test_why_a_run_failed_is_japanese(session: Session) -> None:
    script = ScriptedRun()
    made = into(session, script, 0, 0)
    script.begin()
    script.error, script.state = Message("The run failed: {}. What was written is kept.", "odd"), "failed"
    assert made.wait(30)
    engine: Any = ScriptedEngine()
    line = RunSubscription(engine, session, made, JA).frame().progress
    assert line is not None
    assert "実行に失敗しました：odd。書かれた文章は残っています。" in line


def test_what_nobody_named_is_called_in_japanese_and_names_stay() -> None:
    automatic = Version(1, "Before the model wrote", True, 0.0, 1200)
    assert version_titled(automatic, JA).startswith("モデルが書く前 · ")
    assert version_titled(replace(automatic, automatic=False), JA).startswith("Before the model wrote · ")
    assert [project_name(name, JA) for name in (UNTITLED, "Tides")] == ["無題", "Tides"]


def test_the_line_of_a_model_that_is_not_there_is_japanese(desk: Commands, sessions: Sessions) -> None:
    settings, office = Settings(_env_file=None), AppContext(desk, sessions, shared=False)
    desk.engine._model, desk.engine.loading = None, Loading("converting x.gguf")
    assert "準備中：x.gguf の変換 …" in model_line(settings, office, JA)[0]
    desk.engine.failure = heard("There is no file /x.gguf. Check the path of the .gguf file.")
    assert "/x.gguf というファイルがありません。" in model_line(settings, office, JA)[0]


def test_a_row_that_does_not_fit_is_refused_in_japanese(session: Session) -> None:
    assert session.edit("| a | b |\n|---|---|\n| 1 |\n", 0)
    with pytest.raises(ExportError, match="Row 2 has 1 cell, the head has 2") as refused:
        exported(session, "csv", JA)
    assert refused.value.worded(JA).startswith("2 行目はセルが 1 個、")
    assert refused.value.worded(JA).endswith("。原稿のその行を直すか、削除してください。")


def test_the_window_bar_and_its_choices_are_japanese() -> None:
    two = (SourceTokens("a.pdf", (1, 2), (200, 200)), SourceTokens("b.pdf", (1, 2, 3), (300, 300, 300)))
    over = Budget(two, 100, 500, 200, window=1800, say=JA)
    html = panels.window_bar(over)
    assert "<small>資料 1,300 · 指示 100 · 原稿 500 · 回答 200</small>" in html
    assert [choice.sentence for choice in over.choices] == [
        "次だけを読む：a.pdf、b.pdf（ページ 1）。",
        "次を使わない：a.pdf（400 トークン）。",
        "モデルには原稿の末尾 196 トークンだけを見せる。",
    ]
    assert over.message == (
        "300 トークン超過：資料 1,300 + 指示 100 + 原稿 500 + 回答 200 = 2,100、モデルのウィンドウは 1,800。"
        f"次のどれか一つで収まります。{''.join(choice.sentence for choice in over.choices)}"
    )
    fits = Budget(two, 100, 0, 200, window=1800, unseen=900, say=JA)
    assert fits.message == (
        "収まります：1,800 トークン中 1,600、残り 200。原稿の先頭 900 トークンはモデルに見せません。"
    )
    assert Budget((), 1790, 0, 200, window=1800, say=JA).message.endswith("指示か原稿を短くしてください。")


def test_the_bar_of_a_japanese_page(desk: Commands, session: Session) -> None:
    session.sources.paste("The light stood on the rock.")
    assert session.edit("The tide came in. " * 60, session.draft.revision)
    html, choices = window_state(desk, session, ask(), JA)
    assert "<p>収まります：" in html
    assert '<p class="going-on">続ける：' in html
    assert all(choice.sentence.endswith("。") for choice in choices)


def trial(name: str, text: str, tokens: int) -> Trial:
    measured: Any = SimpleNamespace(state="finished", text=text, run=SimpleNamespace(error=None))
    measured.figures = Figures(300, 0, 1.5, 0.5, tokens, 20.0, tokens, tokens, 10**6)
    return Trial(name, FullAttention(), measured)


def test_a_comparison_is_japanese() -> None:
    engine: Any = None
    comparison = Comparison(engine, ScriptedRun().request, [])
    comparison.trials = [trial("Full attention", "one two", 9), trial("Small cache, never refreshed", "one three", 7)]
    comparison.trials[1].changes = [Change("equal", "one "), Change("delete", "two"), Change("insert", "three")]
    comparison.reading = trial("Reading", "", 1)
    html = comparison_html(comparison, JA)
    assert "プロンプトは先に一度読みました（300 トークン中 300 が新規、1.5 秒）。" in html
    assert '<h3>小キャッシュ（更新なし）</h3><p class="state">完了。</p>' in html
    assert "全文脈アテンション と先頭 1 語が同じ。全 2 語中 1 語が共通です。" in html
    assert "<caption>数値（✓：良いほう）</caption>" in html
    titles = re.findall(r'<th scope="row">([^<]+)</th>', html)
    assert len(titles) == 8
    assert not [title for title in titles if title.isascii()]


def test_every_fixed_line_has_its_japanese() -> None:
    states = {"waiting", "running", "finished", "stopped", "failed", "interrupted"}
    assert states | set(TITLES.values()) - {"RefreshKV"} | set(compare_view._STATES.values()) <= set(JAPANESE)
    labels = re.findall("<dt>(.+?)</dt>", panels.rates(status(RunStatistics(30, lambda: 0.0)), JA))
    assert len(labels) == 8
    assert not [label for label in labels if label.isascii()]


def test_the_model_line_is_japanese(desk: Commands, sessions: Sessions) -> None:
    settings, office = Settings(_env_file=None, quantization=None), AppContext(desk, sessions, shared=False)
    line, _, ready = model_line(settings, office, JA)
    assert ready
    assert f"量子化なし · ウィンドウ {desk.engine.window:,} トークン" in line


def test_a_run_in_the_list_is_japanese() -> None:
    entry = RunEntry("run-1", 1, 0.0, "RefreshKV", "interrupted", proposes=True)
    assert run_titled(entry, JA).endswith(" · RefreshKV · 中断 · 提案")
    assert run_titled(replace(entry, stored=None, state=""), JA).endswith(" · RefreshKV · 開いたファイル")
    section = replace(entry, proposes=False, section=SectionPlace(2, 4, "灯台守"))
    assert run_titled(section, JA).endswith(" · RefreshKV · 中断 · 全 4 節の 2：灯台守")


def test_a_checked_table_is_japanese() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert "表は指定どおりです（見出しの下に 1 行）。" in panels.table_check(check_table(table), JA)
    wrong = panels.table_check(check_table("| a | b |\n|---|---|\n| 1 |\n| | |\n", ["b", "c"], JA), JA)
    assert re.findall("<p>(.+?)</p>|<li>(.+?)</li>", wrong) == [
        ("表で確認すること：", ""),
        ("", "列「c」がありません。"),
        ("", "列「a」は指定されていません。"),
        ("", "2 行目はセルが 1 個、指定は 2 列：「1」。"),
        ("書き出しで直すこと：", ""),
        ("", "3 行目は空のため除きました。"),
    ]


def test_formats_and_what_tasks_ask_for_are_labels_too() -> None:
    english, japanese = words.translations["en"], words.translations["ja"]
    assert english["format_docx"] == "Word document (.docx)"
    assert japanese["format_docx"] == "Word 文書 (.docx)"
    assert english["report_asks"] == TASKS["report"].asks
    assert japanese["report_asks"] == "レポートの主題"
