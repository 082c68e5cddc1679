"""What is wrong with what is kept, opened or exported."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STORAGE: Mapping[str, str] = MappingProxyType(
    {
        # What is kept
        "version": "版",
        "project": "プロジェクト",
        "Untitled": "無題",
        "Text from another window": "別のウィンドウの文章",
        "Unsaved text of a browser": "ブラウザに残っていた未保存の文章",
        "Before restoring unsaved text": "未保存の文章を復元する前",
        "Before restoring a version": "版を復元する前",
        "Before the model wrote": "モデルが書く前",
        "The draft has {:,} characters; the limit is {:,}. Move a part of it to another project.": (
            "原稿が {:,} 文字あります（上限 {:,} 文字）。一部を別のプロジェクトに移してください。"
        ),
        "The name of the {} is empty; it must have 1 to {:,} characters. Choose another.": (
            "{}の名前が空です。1〜{:,} 文字の名前にしてください。"
        ),
        "The name of the {} has {:,} characters; it must have 1 to {:,}. Choose another.": (
            "{}の名前が {:,} 文字あります。1〜{:,} 文字の名前にしてください。"
        ),
        "There are {:,} projects, as many as can be. Delete one that is not needed.": (
            "プロジェクトが上限の {:,} 件に達しています。不要なものを削除してください。"
        ),
        "The project has {:,} sources, as many as can be. Remove one that is not needed.": (
            "資料が上限の {:,} 件に達しています。不要なものを取り除いてください。"
        ),
        "The project has {:,} named versions, as many as can be. Delete one that is not needed.": (
            "名前を付けた版が上限の {:,} 件に達しています。不要なものを削除してください。"
        ),
        "This source is not in the project any more; it was removed in another window.": (
            "この資料は別のウィンドウで取り除かれ、もうプロジェクトにありません。"
        ),
        "{} has {:,.1f} MB; the limit for a file that is kept is {:,.0f} MB. Split it.": (
            "{} は {:,.1f} MB です（保存できるファイルの上限 {:,.0f} MB）。分割してください。"
        ),
        "{} cannot be read to be kept: {}. Upload it again.": (
            "保存のために {} を読み込めません：{}。もう一度追加してください。"
        ),
        "{} cannot be copied to {}: {}. Free some space and upload it again.": (
            "{} を {} にコピーできません：{}。空き容量を増やして、もう一度追加してください。"
        ),
        "Projects cannot be kept in {}: {}. Free some space or allow writing there, or choose another folder.": (
            "プロジェクトを {} に保存できません：{}。空き容量を増やすか、書き込みを許可するか、"
            "別のフォルダーを選んでください。"
        ),
        "{} was written by a newer version of this app (format {}; this one knows {}). Update the app, or choose "
        "another folder.": (
            "{} はこのアプリの新しいバージョンで作られています（形式 {}、このアプリは {} "
            "まで）。アプリを更新するか、別のフォルダーを選んでください。"
        ),
        "Your text could not be kept in {}: {}. It is still on the page: free some space, and go on.": (
            "文章を {} に保存できませんでした：{}。文章はページに残っています。空き容量を増やして続けてください。"
        ),
        "The file of your projects in {} is damaged ({}). Copy your text from the page and start the app again: it "
        "sets the file aside, and deletes nothing.": (
            "{} にあるプロジェクトのファイルが壊れています（{}）。ページの文章をコピーして、"
            "アプリを起動し直してください。壊れたファイルは別名で残り、何も削除されません。"
        ),
        "The file of your projects was damaged and could not be opened. It was not deleted: it is now {} in {}. A "
        "new one has been begun. Your uploaded files are still in {}.": (
            "プロジェクトのファイルが壊れていて開けませんでした。削除はせず、{1} に {0} "
            "という名前で残し、新しいファイルを作りました。追加したファイルは {2} に残っています。"
        ),
        # Runs and traces
        "This run was never stored.": "この実行は保存されていません。",
        "This run is not kept any more: its project was deleted in another window.": (
            "この実行はもう残っていません。プロジェクトが別のウィンドウで削除されました。"
        ),
        "The trace of this run is not kept; those of the last {:,} runs are.": (
            "この実行のトレースは残っていません。残るのは最新の {:,} 件です。"
        ),
        "The trace has {:,.1f} MB; the limit is {:,.0f} MB. It is not kept.": (
            "トレースが {:,.1f} MB あるため（上限 {:,.0f} MB）、保存しません。"
        ),
        "The trace is damaged: {}. Export it again.": "トレースが壊れています：{}。書き出し直してください。",
        "This is not a trace, or a damaged one: {}. Export it again.": (
            "トレースではないか、壊れています：{}。書き出し直してください。"
        ),
        "This is not a trace that can be read (format version {}): {}: {}. Choose a trace exported by this version "
        "of the app.": (
            "読めるトレース（形式 {}）ではありません：{}：{}。"
            "このバージョンのアプリで書き出したトレースを選んでください。"
        ),
        "The trace has more than {:,} MB unpacked, which is the limit.": (
            "展開したトレースが上限の {:,} MB を超えています。"
        ),
        "The trace is cut off after {:,} bytes. Export or download it again.": (
            "トレースが {:,} バイトで切れています。書き出すかダウンロードし直してください。"
        ),
        "The trace of {} has {:,.1f} MB; the limit is {:,.0f} MB. Choose one of a shorter run.": (
            "{} のトレースは {:,.1f} MB です（上限 {:,.0f} MB）。もっと短い実行のものを選んでください。"
        ),
        "{} holds no {}. Choose a bundle that was exported here.": (
            "{} に {} が入っていません。このアプリで書き出したものを選んでください。"
        ),
        "{} cannot be opened: {}. Export or download it again.": (
            "{} を開けません：{}。書き出すかダウンロードし直してください。"
        ),
        # Exports
        "“{}” is not a format. Choose one of {}.": "「{}」という形式はありません。{} から選んでください。",
        "{} Correct the row in the draft, or delete it.": "{}原稿のその行を直すか、削除してください。",
        "{} and {:,} more": "{} ほか {:,} 文字",
        "No font here has these characters, so the PDF shows {} in their place: {}. Install a font that has them, or "
        "export the draft as a Word document or as text.": (
            "次の文字を含むフォントがないため、PDF では {} で表示しています：{}。"
            "その文字を含むフォントをインストールするか、Word 文書かテキストで書き出してください。"
        ),
    }
)
