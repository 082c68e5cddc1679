"""What the page's components are called, in English and Japanese; the browser's language decides."""

from __future__ import annotations

import gradio as gr

from app.export import FORMATS
from app.prompt.tasks import TASKS
from app.say.ja import JAPANESE

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Long-document writer", "長文ライター"),
    "project": ("Project", "プロジェクト"),
    "projects": ("Open", "開く"),
    "new_project": ("New", "新規"),
    "delete_project": ("Delete", "削除"),
    "sources": ("Sources", "資料"),
    "upload": ("Add files", "ファイルを追加"),
    "sample": ("Use the sample report", "サンプルを使う"),
    "paste": ("Paste text", "テキストを貼り付け"),
    "pasted": ("Text", "テキスト"),
    "add_pasted": ("Add as a source", "資料に追加"),
    "task": ("Task", "作業"),
    "detail": ("In your words", "指示（自由記述）"),
    "length_words": ("Length", "長さ"),
    "tone": ("Tone", "文体"),
    "language": ("Language", "言語"),
    "audience": ("Readers", "読者"),
    "audience_hint": ("anybody", "一般"),
    "as_it_comes": ("As it comes", "指定なし"),
    "short": ("Short", "短め"),
    "medium": ("Medium", "ふつう"),
    "long": ("Long", "長め"),
    "neutral": ("Neutral", "中立"),
    "formal": ("Formal", "改まった"),
    "plain": ("Plain", "平易"),
    "lively": ("Lively", "生き生きと"),
    "academic": ("Academic", "学術的"),
    "tokens": ("At most, in tokens", "最大トークン数"),
    "options": ("How it is decoded", "デコードの設定"),
    "temperature": ("Temperature (0: always the likeliest)", "温度（0：常に最尤）"),
    "seed": ("Seed (empty: a new text each time)", "シード（空欄：毎回異なる）"),
    "draft_tokens": (
        "Tokens of the draft it sees, the last (empty: all)",
        "モデルに見せる原稿の末尾トークン数（空欄：全部）",
    ),
    "method": ("Attention", "アテンション"),
    "full_attention": ("Full attention", "全文脈アテンション"),
    "budget": ("Small cache: share of the prompt, or tokens", "小キャッシュ：割合またはトークン数"),
    "stride": ("Steps between refreshes", "更新の間隔（ステップ）"),
    "threshold": (
        "Keep the small cache above this query similarity (empty: refresh at every check)",
        "この類似度より上なら小キャッシュを維持（空欄：毎回更新）",
    ),
    "draft": ("Draft", "原稿"),
    "write": ("Write", "書く"),
    "continue": ("Continue", "続ける"),
    "here": ("Continue at the cursor", "カーソルから続ける"),
    "stop": ("Stop", "止める"),
    "undo": ("Undo", "元に戻す"),
    "redo": ("Redo", "やり直す"),
    "keys": (
        "Ctrl+Enter writes · Ctrl+Shift+Enter continues · Esc stops · Ctrl+Z undoes · Ctrl+Shift+Z redoes · "
        "Ctrl+Shift+S saves a version",
        "Ctrl+Enter\u00a0書く · Ctrl+Shift+Enter\u00a0続ける · Esc\u00a0止める · Ctrl+Z\u00a0元に戻す · "
        "Ctrl+Shift+Z\u00a0やり直す · Ctrl+Shift+S\u00a0版を保存",
    ),
    "versions": ("Versions", "版"),
    "version_name": ("Name of this version", "この版の名前"),
    "save_version": ("Save version", "版を保存"),
    "version": ("Saved versions", "保存した版"),
    "compare_version": ("Show changes", "差分を表示"),
    "restore": ("Restore", "復元"),
    "delete_version": ("Delete", "削除"),
    "export": ("Export", "書き出し"),
    "format": ("Format", "形式"),
    "file": ("File", "ファイル"),
    "repair_table": ("Repair the table", "表を直す"),
    "runs": ("Run on the map", "マップの実行"),
    "open_trace": ("Open a trace", "トレースを開く"),
    "compare": ("Compare methods", "方式を比べる"),
    "compare_run": ("Write with each", "それぞれで書く"),
    "methods": ("Methods", "方式"),
    "refreshkv_set": ("RefreshKV, as set", "RefreshKV（設定どおり）"),
    "never_refreshed": ("Small cache, never refreshed", "小キャッシュ（更新なし）"),
    "summary": ("Summary", "要約"),
    "report": ("Report", "レポート"),
    "essay": ("Essay", "エッセイ"),
    "notes": ("Study notes", "学習ノート"),
    "outline": ("Outline, then its sections", "アウトラインから各節へ"),
    "table": ("Extract a table", "表を取り出す"),
    "continue_task": ("Continue my draft", "自分の原稿の続き"),
    "free": ("My own instruction", "自由な指示"),
    **{f"{key}_asks": (task.asks, JAPANESE[task.asks]) for key, task in TASKS.items()},
    **{
        f"format_{key}": (f"{kind.title} ({kind.suffix})", f"{JAPANESE[kind.title]} ({kind.suffix})")
        for key, kind in FORMATS.items()
    },
}

words = gr.I18n(
    en={key: english for key, (english, _) in _WORDS.items()},
    ja={key: japanese for key, (_, japanese) in _WORDS.items()},
)
"""`words("write")` is a label; it is given to `launch` too."""
