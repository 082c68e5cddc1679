"""A Japanese page reads Japanese: how far a run is, rates, sources, the window, comparisons, tables, failures."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from app.documents import Document, Page
from app.engine.engine import Loading
from app.engine.statistics import RunStatistics
from app.export.table_check import check_table
from app.methods import STEP_WORDS
from app.project.commands import COMPARED, Commands
from app.project.comparison import Comparison, Trial
from app.project.exporting import export_draft
from app.project.follow import FollowedRun
from app.project.session import UNTITLED, Session
from app.project.sessions import PageView, Sessions
from app.project.source_file import SourceFile
from app.project.sources import Sources
from app.project.writing import Writing
from app.prompt.sections import SectionPlace
from app.prompt.tasks import TASKS
from app.prompt.window import Budget, SourceTokens
from app.runs.library import RunEntry
from app.say.catalogue import catalogues
from app.say.errors import ExportError
from app.say.wording import Message, Wording
from app.settings import Limits, Settings
from app.store import Store, Version, create_project
from app.text.diff import Change
from app.web.components.source_list import source_card
from app.web.context import AppContext
from app.web.events import project_name
from app.web.html import comparison as comparison_module
from app.web.html import panels
from app.web.html.comparison import comparison_html
from app.web.html.run_lines import already_read, prefill_progress, status
from app.web.page import model_line, model_lines
from app.web.page.budget import window_html
from app.web.page.drafting import _titled as version_titled
from app.web.page.evidence import _titled as run_titled
from app.web.page.labels import labels, words
from app.web.subscription import RunSubscription
from core import GenerationFinished, LoadingError, PrefillProgress, load_model
from core.events import TokenGenerated
from core.policies import METHODS
from tests.app.conftest import ask, wait
from tests.app.scripted import ScriptedEngine, ScriptedRun, into

JA = Wording("ja")


def progress(session: Session, made: Writing, ahead: int = 0) -> str:
    engine: Any = made.engine
    engine.ahead = ahead
    line = RunSubscription(session, made, PageView(session), JA).update().progress
    return re.findall("<p[^>]*>([^<]*)</p>", line)[-1]


def test_the_line_of_a_run_is_japanese(session: Session) -> None:
    assert session.draft.edit("前の原稿", 0)
    script = ScriptedRun()
    made = into(session, script, 0, len("前の原稿"))
    statistics = made.current.statistics  # type: ignore[union-attr]
    assert progress(session, made, ahead=2) == "待機中：前に 2 件。"
    assert progress(session, made) == "開始しています。"
    script.emit(PrefillProgress(0, 2000), PrefillProgress(500, 2000))
    wait(lambda: statistics.progress == PrefillProgress(500, 2000))
    assert progress(session, made).startswith("文書を読み込み中：2,000 トークン中 500（25%）")
    script.emit(PrefillProgress(2000, 2000)).say("It")
    wait(lambda: made.text == "It")
    kept = "以前の原稿は「版」にあり、「元に戻す」で戻せます。"
    assert progress(session, made) == f"執筆中。{kept}"
    assert script.run is not None
    script.run.stop = lambda: None  # type: ignore[method-assign]  # the engine has yet to see it
    made.stop()
    assert progress(session, made) == "停止しています。"
    script.run.end("stopped")
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
    script = ScriptedRun().say("It").emit(GenerationFinished(reason, "It", 9, 1, 0.1, 0.1, 1, 0))
    made = into(session, script.do(lambda run: run.end("finished")), 0, 0)
    assert made.wait(30)
    assert progress(session, made) == line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("new", "完了。モデル自身の言葉です。原稿の提案を採用するか却下してください。"),
        (
            " ",
            "完了：これより良い文章は得られなかったため、箇所は元のままです（試行1回）。範囲を広げるか、どう直すかを書くか、自分で直してください。",
        ),
        (
            "old",
            "完了：これより良い文章は得られなかったため、箇所は元のままです（試行1回）。範囲を広げるか、どう直すかを書くか、自分で直してください。",
        ),
    ],
)
def test_the_end_of_a_proposal_is_japanese(session: Session, words: str, line: str) -> None:
    assert session.draft.edit("old", 0)
    made = into(session, ScriptedRun().finish(words), 0, 3, proposes=True)
    assert made.wait(30)
    assert progress(session, made) == line


def read(*progress: tuple[float, int]) -> RunStatistics:
    """Of a run that began at 0.0 and has read so many of 5,600 tokens at these seconds."""
    statistics = RunStatistics(30, 5600)
    statistics.started = 0.0
    for time, done in progress:
        statistics.add(time, PrefillProgress(done, 5600))
    return statistics


def test_how_far_reading_is_in_japanese() -> None:
    start = "文書を読み込み中：5,600 トークン中 1,400（25%）"
    assert prefill_progress(read((0.0, 0), (5.0, 1400)), JA)[1] == f"{start}、残り約 15 秒"
    slower = read((0.0, 0), (2.0, 1232), (3.0, 1288), (4.0, 1344), (5.0, 1400))
    assert prefill_progress(slower, JA)[1] == f"{start}、残り約 1 分 15 秒"
    assert [already_read(tokens, JA) for tokens in (0, 5983)] == ["", "文書の 5,983 トークンは読み込み済みです。"]


def test_rates_are_japanese() -> None:
    statistics = RunStatistics(30)
    for step, full in ((1, 0), (2, 0), (3, 12)):
        statistics.add(1.0, TokenGenerated(1, "a", step, full, 0.04))
    html = panels.rates(status(statistics, JA), JA)
    assert "<b>25.0</b> トークン/秒</span>" in html
    assert "<dt>直前のステップ</dt><dd>混合（30 層中 12 層が全文脈）</dd>" in html
    assert "<dt>ステップ</dt><dd>全文脈 1、部分 2（全文脈 33%）</dd>" in html
    assert "<dt>部分ステップ</dt><dd>40 ms</dd>" in html


def test_a_source_card_is_japanese() -> None:
    pages = (Page(1, None, "a"), Page(2, None, "bcd"))
    document = Document("a.pdf", pages)
    card = source_card(SourceFile(Path("a.pdf"), document, pages="2"), [1200], None, JA)
    assert (card["facts"], card["details"]) == ("2 ページ中 1 ページ", ["3 文字 · 1,200 トークン"])
    card = source_card(SourceFile(Path("a.pdf"), document, left_out=True), [2, 3], None, JA)
    assert (card["facts"], card["details"]) == ("使いません。", ["4 文字 · 5 トークン"])


def test_a_card_says_in_japanese_what_is_wrong_with_a_file(sessions: Sessions, tmp_path: Path) -> None:
    scan = tmp_path / "scan.pdf"
    writer = PdfWriter()
    writer.add_blank_page(300, 300)
    writer.write(scan)
    (tmp_path / "a.txt").write_text("One\fan exam-\nple")
    sources = sessions.create("page").sources
    sources.add([scan, tmp_path / "a.txt", tmp_path / "gone.txt"])
    sources.choose(sources.files[1].id, "3")
    sources.paste("Text.", JA)
    cards = [source_card(file, [], None, JA) for file in sources.files]
    none = "scan.pdf にはテキストがありません。1 ページ中 1 ページがスキャンなどの画像か、白紙です。"
    assert cards[0]["alert"].startswith(none)
    assert cards[1]["details"][1:] == ["行末で分かれた 1 語をつなぎました。"]
    assert cards[1]["alert"] == "a.txt は 2 ページです。ページ 3 はありません。"
    assert cards[2]["alert"] == "gone.txt を開けません：ファイルが見つかりません。もう一度追加してください。"
    assert cards[3]["name"] == "貼り付けたテキスト"


def test_a_note_is_japanese_also_when_the_project_is_opened_again(store: Store, tmp_path: Path) -> None:
    project = create_project(store, "Tides").id
    (tmp_path / "a.txt").write_text("an exam-\nple")
    Sources(store, project, Limits()).add([tmp_path / "a.txt"])
    (file,) = Sources(store, project, Limits()).files
    assert source_card(file, [], None, JA)["details"][1:] == ["行末で分かれた 1 語をつなぎました。"]


def test_why_a_run_failed_is_japanese(session: Session) -> None:
    failure = Message("The run failed: {}. What was written is kept.", "odd")
    made = into(session, ScriptedRun().begin().do(lambda run: run.end("failed", failure)), 0, 0)
    assert made.wait(30)
    assert progress(session, made) == "実行に失敗しました：odd。書かれた文章は残っています。"


def test_what_nobody_named_is_called_in_japanese_and_names_stay() -> None:
    automatic = Version(1, "Before the model wrote", True, 0.0, 1200)
    assert version_titled(automatic, JA).startswith("モデルが書く前 · ")
    assert version_titled(replace(automatic, automatic=False), JA).startswith("Before the model wrote · ")
    assert [project_name(name, JA) for name in (UNTITLED, "Tides")] == ["無題", "Tides"]


def test_the_line_of_a_model_that_is_not_there_is_japanese(commands: Commands, sessions: Sessions) -> None:
    settings, context = commands.settings, AppContext(commands, sessions, shared=False)
    commands.engine._model, commands.engine.loading = None, Loading(Message("converting {file}", file="x.gguf"))
    assert "準備中：x.gguf の変換 …" in model_line(settings, context, JA)
    with pytest.raises(LoadingError) as missing:
        load_model("/x.gguf")
    commands.engine.failure = Message.of(missing.value)
    assert "/x.gguf というファイルがありません。" in model_line(settings, context, JA)


def test_a_row_that_does_not_fit_is_refused_in_japanese(session: Session) -> None:
    assert session.draft.edit("| a | b |\n|---|---|\n| 1 |\n", 0)
    with pytest.raises(ExportError, match="Row 2 has 1 cell, the head has 2") as refused:
        export_draft(session, "csv", "表")
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


def test_the_bar_of_a_japanese_page(commands: Commands, session: Session) -> None:
    session.sources.paste("The light stood on the rock.")
    assert session.draft.edit("The tide came in. " * 60, session.draft.revision)
    state = commands.window(session, ask()).said(JA)
    html = window_html(state, JA)
    assert "<p>書く：収まります：" in html
    assert '<p class="going-on">続ける：' in html
    state = commands.window(session, ask(task="free", detail="o" * 400, max_new_tokens=800)).said(JA)
    assert state.choices
    assert all(choice.sentence.endswith("。") for choice in state.choices)


def played(trial: Trial, text: str) -> None:
    """Its run read 300 tokens in 1.5 seconds and wrote the text."""
    engine: Any = ScriptedEngine()
    trial.followed = FollowedRun(trial.spec, trial.spec.feed("run", engine, 0), engine.layers)
    trial.followed.text, statistics = text, trial.followed.statistics
    statistics.prompt_tokens = 300
    statistics.add(0.0, PrefillProgress(0, 300))
    statistics.add(1.5, PrefillProgress(300, 300))
    trial.followed.run.end("finished")


def test_a_comparison_is_japanese() -> None:
    engine: Any = ScriptedEngine()
    names = ("Full attention", "Small cache, never refreshed")
    comparison = Comparison(engine, [(name, ScriptedRun().spec()) for name in names])
    for one, text in zip([comparison.reading, *comparison.trials], ("", "one two", "one three"), strict=True):
        played(one, text)
    comparison.trials[1].changes = [Change("equal", "one "), Change("delete", "two"), Change("insert", "three")]
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
    methods, fixed = set(COMPARED.values()) - set(METHODS), set(comparison_module._STATES.values())
    assert states | methods | fixed <= {english for _, english in catalogues()["ja"].entries}
    for kind in STEP_WORDS:
        labels = re.findall("<dt>(.+?)</dt>", panels.rates(status(RunStatistics(30), JA, kind), JA))
        assert len(labels) == (7 if kind == "refreshed" else 6)
        assert not [label for label in labels if label.isascii()]


def test_the_model_line_is_japanese(commands: Commands, sessions: Sessions) -> None:
    settings, context = Settings(_env_file=None, quantization=None), AppContext(commands, sessions, shared=False)

    async def told() -> list[tuple[str, bool]]:
        return [line async for line in model_lines(settings, context, JA)]

    ((line, ready),) = asyncio.run(told())
    assert ready
    assert f"量子化なし · ウィンドウ {commands.engine.window:,} トークン" in line


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
    english, japanese = labels().translations["en"], labels().translations["ja"]
    assert english.keys() == japanese.keys()
    assert words("write").key in english
    assert (english["write"], japanese["write"]) == ("Write", "書く")
    assert english["format_docx"] == "Word document"
    assert japanese["format_docx"] == "Word 文書"
    assert english["report_asks"] == TASKS["report"].asks
    assert japanese["report_asks"] == "レポートの主題"
