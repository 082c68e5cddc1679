"""How far a run is, its rates, the sources, the window, a comparison, the map, tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WRITING: Mapping[str, str] = MappingProxyType(
    {
        # How far a run is
        "Waiting: {} before you.": "待機中：前に {} 件。",
        "Starting.": "開始しています。",
        "Stopping.": "停止しています。",
        "Stopped.": "停止しました。",
        "Writing.": "執筆中。",
        "Finished.": "完了。",
        "Finished: the model ended its text.": "完了：モデルが文章を書き終えました。",
        "Finished: this part is complete.": "完了：この部分を書き終えました。",
        "Finished: the text has the length asked for. Press Continue to go on.": (
            "完了：指定の長さに達しました。「続ける」で続きを書けます。"
        ),
        "Finished: the model had nothing to propose. Select more text, or try again.": (
            "完了：提案はありませんでした。範囲を広げるか、もう一度試してください。"
        ),
        "Finished: the model would leave the passage as it is. Ask for something else, or edit it.": (
            "完了：提案は元の文章と同じでした。別の指示を出すか、自分で直してください。"
        ),
        "Accept or reject the proposal in the draft.": "原稿の提案を採用するか却下してください。",
        "The draft is as it was.": "原稿は元のままです。",
        "The text so far is kept; press Continue to go on.": (
            "ここまでの文章は残っています。「続ける」で続きを書けます。"
        ),
        "Your earlier draft is in Versions; Undo brings it back.": (
            "以前の原稿は「版」にあり、「元に戻す」で戻せます。"
        ),
        "Reading the document: {:,} of {:,} tokens ({}%)": "文書を読み込み中：{1:,} トークン中 {0:,}（{2}%）",
        "{}, about {} left": "{}、残り約 {}",
        "{} s": "{} 秒",
        "{} min {:02d} s": "{} 分 {:02d} 秒",
        "{}. {}": "{}。{}",
        "{:,} token of the documents was already read.": "文書の {:,} トークンは読み込み済みです。",
        "{:,} tokens of the documents were already read.": "文書の {:,} トークンは読み込み済みです。",
        "What was written could not be shown while it came. It is kept, and is in the draft now.": (
            "書かれた文章を途中で表示できませんでした。文章は保存され、原稿に入っています。"
        ),
        # Rates
        "tokens/s": "トークン/秒",
        "last second": "直近 1 秒",
        "first token": "最初のトークン",
        "prompt tokens/s": "読み込み（トークン/秒）",
        "last step": "直前のステップ",
        "steps": "ステップ",
        "full step": "全文脈ステップ",
        "partial step": "部分ステップ",
        "full": "全文脈",
        "partial": "部分",
        "mixed, {} of {} layers full": "混合（{1} 層中 {0} 層が全文脈）",
        "{:,} full, {:,} partial ({:.0%} full)": "全文脈 {:,}、部分 {:,}（全文脈 {:.0%}）",
        # Sources
        "{:,} page": "{:,} ページ",
        "{:,} pages": "{:,} ページ",
        "{:,} of {}": "{1}中 {0:,} ページ",
        "{:,} character": "{:,} 文字",
        "{:,} characters": "{:,} 文字",
        "{:,} token": "{:,} トークン",
        "{:,} tokens": "{:,} トークン",
        "Left out.": "使いません。",
        # The window
        "documents": "資料",
        "instruction": "指示",
        "draft": "原稿",
        "answer": "回答",
        "Write: {}": "書く：{}",
        "Continue: {}": "続ける：{}",
        "It fits: {:,} of {:,} tokens, {:,} to spare.": "収まります：{1:,} トークン中 {0:,}、残り {2:,}。",
        "The model does not see the first {:,} tokens of the draft.": (
            "原稿の先頭 {:,} トークンはモデルに見せません。"
        ),
        "Too long by {:,} tokens: {} = {:,}; the model's window is {:,}.": (
            "{:,} トークン超過：{} = {:,}、モデルのウィンドウは {:,}。"
        ),
        "Any of these would do.": "次のどれか一つで収まります。",
        "Choose a shorter length.": "長さを短くする。",
        "Shorten the instruction or the draft.": "指示か原稿を短くしてください。",
        "Not even the first page fits: split the file, or paste the part that matters as text.": (
            "最初の 1 ページも収まりません。ファイルを分けるか、必要な部分をテキストとして貼り付けてください。"
        ),
        "page {} of {}": "{1}（ページ {0}）",
        "pages {} of {}": "{1}（ページ {0}）",
        "Read only {}.": "次だけを読む：{}。",
        "{} ({:,} tokens)": "{}（{:,} トークン）",
        "Leave out {}.": "次を使わない：{}。",
        "Let the model see only the last {:,} tokens of the draft.": "モデルには原稿の末尾 {:,} トークンだけを見せる。",
        "Ask for an answer of at most {:,} tokens.": "回答を最大 {:,} トークンにする。",
        # A comparison
        "Its turn comes.": "これから実行します。",
        "Waiting in the queue.": "順番を待っています。",
        "Failed.": "失敗しました。",
        "Full attention": "全文脈アテンション",
        "Small cache, never refreshed": "小キャッシュ（更新なし）",
        "Tokens per second": "トークン/秒",
        "Time to first token": "最初のトークンまでの時間",
        "Memory of keys and values": "キーと値のメモリ",
        "Tokens written": "書いたトークン",
        "Full steps": "全文脈ステップ",
        "Partial steps": "部分ステップ",
        "Prompt tokens read anew": "新たに読んだプロンプトのトークン",
        "Time to read them": "その読み込み時間",
        "The prompt was not read to its end, so nothing was compared.": (
            "プロンプトを最後まで読めなかったため、比較していません。"
        ),
        "Reading the prompt once, for all methods: each then starts from what was read.": (
            "全方式のためにプロンプトを一度だけ読み込み中。各方式はそこから始まります。"
        ),
        "The prompt was read once before ({:,} of {:,} tokens were new, {:,.1f} s); each method starts from that, "
        "with the same seed.": (
            "プロンプトは先に一度読みました（{1:,} トークン中 {0:,} が新規、{2:,.1f} 秒）。"
            "各方式はそこから同じシードで始まります。"
        ),
        "Word for word the same as {}.": "{} と一語一句同じです。",
        "Other than {} from the first word on; of all {:,} words it shares {:,}.": (
            "{} とは最初の語から違います。全 {:,} 語中 {:,} 語が共通です。"
        ),
        "The first word is that of {1}; of all {2:,} words it shares {3:,}.": (
            "{1} と先頭 1 語が同じ。全 {2:,} 語中 {3:,} 語が共通です。"
        ),
        "The first {:,} words are those of {}; of all {:,} words it shares {:,}.": (
            "{1} と先頭 {0:,} 語が同じ。全 {2:,} 語中 {3:,} 語が共通です。"
        ),
        "Underlined: what {0} does not have; under {0}, what another does not have.": (
            "下線：{0} にない部分。{0} の下線は、ほかの方式にない部分。"
        ),
        "Each is among the runs that the map shows.": "それぞれマップの実行の一覧にあります。",
        "Figures (✓: the better one)": "数値（✓：良いほう）",
        "better": "良いほう",
        # The model
        "{} …": "準備中：{} …",
        "Starting": "起動",
        "not quantized": "量子化なし",
        "window {:,} tokens": "ウィンドウ {:,} トークン",
        "compiling for this computer (once, a minute or two; writing works meanwhile)": (
            "このコンピューター向けにコンパイル中（初回のみ 1〜2 分、その間も書けます）"
        ),
        # Versions and proposals
        "The passage was changed meanwhile, so the proposal no longer fits it.": (
            "その間に該当箇所が変わったため、この提案は使えません。"
        ),
        "Accepted. Undo brings the other back.": "採用しました。「元に戻す」で前の文章に戻せます。",
        "Rejected. The draft is as it was.": "却下しました。原稿は元のままです。",
        "Kept as “{}”.": "「{}」として保存しました。",
        "Choose a version first.": "先に版を選んでください。",
        "The model is writing. Stop it, or wait for its end, then restore the version.": (
            "モデルが執筆中です。止めるか、書き終えてから版を復元してください。"
        ),
        "Restored. Undo brings the other back.": "復元しました。「元に戻す」で前の原稿に戻せます。",
        "Deleted.": "削除しました。",
        # The run on the map
        "While the model writes, the map shows what it does. Choose a run afterwards.": (
            "モデルの執筆中、マップはその様子を表示します。実行は書き終えてから選んでください。"
        ),
        "Open it when the model has ended its text.": "モデルが書き終えてから開いてください。",
        "finished": "完了",
        "stopped": "停止",
        "failed": "失敗",
        "running": "執筆中",
        "waiting": "待機中",
        "interrupted": "中断",
        "opened file": "開いたファイル",
        "proposal": "提案",
        "Section {} of {}: {}": "全 {1} 節の {0}：{2}",
        "comparison": "比較",
        # Tables
        "The table is as asked for: {:,} row below its head.": "表は指定どおりです（見出しの下に {:,} 行）。",
        "The table is as asked for: {:,} rows below its head.": "表は指定どおりです（見出しの下に {:,} 行）。",
        "Look at this in the table:": "表で確認すること：",
        "Put right where it is exported:": "書き出しで直すこと：",
        "There is no table in the text. Ask again, or write one.": (
            "文章に表がありません。もう一度頼むか、自分で書いてください。"
        ),
        "There is no table in the text. Ask again, or write one with the columns {}.": (
            "文章に表がありません。もう一度頼むか、列 {} の表を自分で書いてください。"
        ),
        "Row {} was the head again, and left out.": "{} 行目は見出しの繰り返しのため除きました。",
        "Rows {} were the head again, and left out.": "{} 行目は見出しの繰り返しのため除きました。",
        "Row {} was empty, and left out.": "{} 行目は空のため除きました。",
        "Rows {} were empty, and left out.": "{} 行目は空のため除きました。",
        "Row {} was too long by empty cells, which were left out.": "{} 行目の余分な空のセルを除きました。",
        "Rows {} were too long by empty cells, which were left out.": "{} 行目の余分な空のセルを除きました。",
        "The columns were in another order: {}.": "列の順序が違いました：{}。",
        "The column “{}” is missing.": "列「{}」がありません。",
        "The column “{}” was not asked for.": "列「{}」は指定されていません。",
        "The columns are in another order than asked for: {}.": "列の順序が指定と違います：{}。",
        "The column “{}” is there twice.": "列「{}」が重複しています。",
        "{} column was asked for": "指定は {} 列",
        "{} columns were asked for": "指定は {} 列",
        "the head has {}": "見出しは {} 個",
        "{} cell": "セルが {} 個",
        "{} cells": "セルが {} 個",
        "Row {} has {}, {}: “{}”.": "{} 行目は{}、{}：「{}」。",
        "The table has no rows.": "表に行がありません。",
        "Row {} is the same as row {}.": "{} 行目は {} 行目と同じです。",
        # What a task asks for
        "What to pay attention to": "特に注目すること",
        "What the report is about": "レポートの主題",
        "The essay's question or thesis": "エッセイの問いや主張",
        "What to learn": "学びたいこと",
        "What the text is about": "文章の主題",
        "Columns, separated by commas": "列の名前（コンマ区切り）",
        "Instruction": "指示",
        # Files
        "File": "ファイル",
        "Markdown": "Markdown",
        "Plain text": "プレーンテキスト",
        "Word document": "Word 文書",
        "PDF": "PDF",
        "Table as CSV": "表（CSV）",
        "Table as TSV": "表（TSV）",
        "Draft and run": "原稿と実行の記録",
    }
)
