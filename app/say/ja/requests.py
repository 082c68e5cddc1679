"""What is wrong with what was asked for, and why a run failed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REQUESTS: Mapping[str, str] = MappingProxyType(
    {
        # What is asked for
        "{}: the field “{}” is empty. Write what the model is to do.": (
            "{}：「{}」が空です。モデルにしてほしいことを書いてください。"
        ),
        "My own instruction": "自由な指示",
        "“{}” is not a task. Choose one of {}.": "「{}」という作業はありません。{} から選んでください。",
        "“{}” is not a method. Choose one of {}.": "「{}」という方式はありません。{} から選んでください。",
        "“{}” cannot be {} ({}). Correct it and try again.": (
            "「{}」を {} にはできません（{}）。直してから、もう一度試してください。"
        ),
        "There is nothing to write about: no source, no words of yours about the task, and no draft to go on with. "
        "Add a file, say what to write, or begin the draft.": (
            "書くもとになるものがありません。資料も、作業についての指示も、続きを書く原稿もありません。"
            "ファイルを加えるか、何を書くかを入力するか、原稿を書き始めてください。"
        ),
        "The length is “{}”. Choose {}, or write a number of words: 800.": (
            "長さが「{}」です。{}から選ぶか、800 のように語数を書いてください。"
        ),
        "The answer's length is {}; it must be 1 to {:,}.": "回答の長さが {} です。1 から {:,} までにしてください。",
        "{} people are waiting already, as many as can (REFRESHKV_QUEUE_SIZE). "
        "Your text and files are kept: press Write again in a few minutes.": (
            "すでに {} 人が待っていて、満員です（REFRESHKV_QUEUE_SIZE）。"
            "文章とファイルは残っています。数分後にもう一度「書く」を押してください。"
        ),
        "The model is still loading. Try again in a moment.": (
            "モデルを読み込み中です。少し待ってから、もう一度試してください。"
        ),
        "You are writing already. Stop that first.": "すでに執筆中です。先に止めてください。",
        "The draft was changed in another window. Look at it here again, then repeat.": (
            "原稿が別のウィンドウで変更されました。ここで確かめてから、もう一度試してください。"
        ),
        "No passage of the model's is left in the draft. Use Continue, or select a passage.": (
            "原稿にモデルの書いた箇所が残っていません。「続ける」を使うか、範囲を選んでください。"
        ),
        "Nothing is marked. Mark the words in the draft that are to be changed.": (
            "範囲が選ばれていません。原稿で直したい箇所を選んでください。"
        ),
        "There is nothing to send. Add a document, or write an instruction.": (
            "送るものがありません。資料を加えるか、指示を書いてください。"
        ),
        "The draft has no outline to write sections from. Write one at its top, a line for each heading with a "
        "number before it, or empty the draft to have one made.": (
            "原稿に、節を書くもとになるアウトラインがありません。先頭に番号付きの見出しを 1 行ずつ書くか、"
            "原稿を空にして作らせてください。"
        ),
        "Methods are being compared already. Stop that first.": "すでに比較中です。先に止めてください。",
        "Choose at least two methods to compare.": "比べる方式を二つ以上選んでください。",
        "No run wrote this draft yet, so there is nothing to bundle. Write something first, or export the draft "
        "as Markdown.": (
            "この原稿を書いた実行がまだないため、まとめるものがありません。"
            "先に何か書くか、原稿を Markdown で書き出してください。"
        ),
        "The draft has no table: no Markdown table (| a | b | above | --- | --- |) and no lines with tabs or "
        "commas. Choose the task “Extract a table”, or another format.": (
            "原稿に表がありません（| a | b | と | --- | --- | の Markdown の表も、タブやコンマで区切った行も）。"
            "作業「表を取り出す」か、別の形式を選んでください。"
        ),
        "This project does not exist any more; it was deleted in another window. Copy your text from the page and "
        "begin a new project.": (
            "このプロジェクトは別のウィンドウで削除されました。ページの文章をコピーして、新しいプロジェクトを始めてください。"
        ),
        "This version does not exist any more. Open the list of versions again, and choose another.": (
            "この版はもうありません。版の一覧を開き直して、別の版を選んでください。"
        ),
        "The page is not there yet. Try again in a moment.": (
            "ページがまだ準備できていません。少し待ってから、もう一度試してください。"
        ),
        "short, medium, long": "短め、ふつう、長め",
        "The steps between refreshes are {}. Write a whole number, 1 or more.": (
            "更新の間隔が {} です。1 以上の整数にしてください。"
        ),
        "The query similarity is {}; it must lie between -1 and 1. Leave it empty to refresh at every check.": (
            "類似度が {} です。-1 から 1 までにするか、空欄（毎回更新）にしてください。"
        ),
        "The temperature is {}; it must be 0 or more.": "温度が {} です。0 以上にしてください。",
        "The seed is {}; it must be 0 to {:,}, or empty.": (
            "シードが {} です。0 から {:,} までにするか、空欄にしてください。"
        ),
        "The tokens of the draft that the model sees are {}; write a whole number, or nothing for all.": (
            "モデルに見せる原稿のトークン数が {} です。整数にするか、空欄（全部）にしてください。"
        ),
        "The size of the small cache is “{}”: {}.": "小キャッシュの大きさが「{}」です。{}。",
        "write a share such as 1/8 or 0.125, or a whole number of tokens such as 512": (
            "1/8 や 0.125 のような割合か、512 のようなトークン数（整数）を書いてください"
        ),
        "a number of tokens starts at 1": "トークン数は 1 以上にしてください",
        "a share lies above 0 and is at most 1; write more as a whole number of tokens": (
            "割合は 0 より大きく 1 以下です。それより多くするときは、トークン数（整数）を書いてください"
        ),
        "“{}” is nothing that can be done with a passage.": "「{}」という操作は選んだ範囲に対して行えません。",
        "The page did not send the draft's text. Reload the page; the draft is kept.": (
            "ページから原稿が送られませんでした。ページを読み込み直してください。原稿は残っています。"
        ),
        "The chat template altered the text of the documents ({} is not in the prompt as it was given), so that "
        "pages cannot be shown on the map. Use a chat template that leaves messages as they are.": (
            "チャットテンプレートが資料の文章を変えたため（{} がプロンプトに元のまま含まれていません）、"
            "ページをマップに表示できません。文章を変えないチャットテンプレートを使ってください。"
        ),
        "what stands between the pages": "ページの間の部分",
        # Why a run failed
        "The run failed: {}. What was written is kept.": "実行に失敗しました：{}。書かれた文章は残っています。",
        "The run could not go on: {}. What was written is kept.": (
            "実行を続けられませんでした：{}。書かれた文章は残っています。"
        ),
        "The app ended while the model wrote here. What it had written is kept; press Continue to go on.": (
            "モデルの執筆中にアプリが終了しました。書かれた文章は残っています。「続ける」で続きを書けます。"
        ),
        "The model could not be loaded: {}": "モデルを読み込めませんでした：{}",
        "{}": "{}",
    }
)
