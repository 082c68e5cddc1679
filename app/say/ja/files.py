"""What is wrong with a file, and what was noted when it was read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FILES: Mapping[str, str] = MappingProxyType(
    {
        # Names and sizes within the sentences below
        "{} has": "{} は",
        "The text in {} has": "{} のテキストは",
        "The text in {} has more than": "{} のテキストは少なくとも",
        "The text in {}, with its markup, unfolds to": "{} のテキストを展開すると、マークアップを含めて",
        "{} unfolds to": "{} を展開すると",
        "{:,} bytes": "{:,} バイト",
        "a Word document (docx)": "Word 文書（docx）",
        "an e-book (epub)": "電子書籍（epub）",
        "Pasted text": "貼り付けたテキスト",
        "Pasted text {}": "貼り付けたテキスト {}",
        # Limits
        "{} {:,.1f} MB; the limit is {:,} MB. Split the file, or raise {}.": (
            "{} {:,.1f} MB です（上限 {:,} MB）。ファイルを分けるか、{} を大きくしてください。"
        ),
        "{} has {:,} pages; the limit is {:,}. Split the file, or raise {}.": (
            "{} は {:,} ページです（上限 {:,} ページ）。ファイルを分けるか、{} を大きくしてください。"
        ),
        "{}: {:,} of {:,} pages took longer than the limit of {:,} seconds. Split the file, or raise {}.": (
            "{0}：{2:,} ページ中 {1:,} ページを読むのに、上限の {3:,} 秒を超えました。ファイルを分けるか、{4} "
            "を大きくしてください。"
        ),
        "{} has {:,} tags; the limit is {:,}. Split it, or save it as PDF.": (
            "{} はタグが {:,} 個あります（上限 {:,} 個）。分割するか、PDF で保存してください。"
        ),
        # Any file
        "{} is of a type that cannot be read. Accepted are: {}.": "{} は読めない種類のファイルです。読める種類：{}。",
        "{} is empty (0 bytes). Choose another file, or save it again.": (
            "{} は空です（0 バイト）。別のファイルを選ぶか、保存し直してください。"
        ),
        "{} cannot be opened: {}. Upload it again.": "{} を開けません：{}。もう一度追加してください。",
        "{} has the same text as {}.": "{} は {} と同じ内容です。",
        "{} has mostly the same text as {}.": "{} は {} とほぼ同じ内容です。",
        "This source cannot be shown. Remove it, or add it again in another form.": (
            "この資料は表示できません。取り除くか、別の形式で追加し直してください。"
        ),
        # PDF
        "{} is damaged and cannot be read ({}). Open it in a viewer and save it again.": (
            "{} は壊れていて読めません（{}）。ビューアーで開いて保存し直してください。"
        ),
        "{} is named like a PDF but is none: it does not begin with %PDF-. Export it again.": (
            "{} は PDF という名前ですが、中身が違います（先頭が %PDF- ではありません）。書き出し直してください。"
        ),
        "{}: none of its {:,} pages could be read ({}). Export it again.": (
            "{}：全 {:,} ページが読めません（{}）。書き出し直してください。"
        ),
        "{} has no text: {:,} of {:,} pages are pictures or blank, as in a scan. Run text recognition (OCR) over it "
        "first.": (
            "{0} にはテキストがありません。{2:,} ページ中 {1:,} ページがスキャンなどの画像か、白紙です。"
            "先に文字認識（OCR）をしてください。"
        ),
        "{} does not open with this password. Try another one, or save it without.": (
            "このパスワードでは {} を開けません。別のパスワードを試すか、パスワードなしで保存してください。"
        ),
        "{} is locked. Enter its password, or save it without one.": (
            "{} にはパスワードがかかっています。パスワードを入力するか、パスワードなしで保存してください。"
        ),
        "{} is encrypted and cannot be opened here: {}. Install pypdf[crypto].": (
            "{} は暗号化されていて、ここでは開けません：{}。pypdf[crypto] をインストールしてください。"
        ),
        "{:,} of {:,} pages have no text: scanned? They are left out.": (
            "{1:,} ページ中 {0:,} ページにテキストがありません（スキャン画像の可能性）。これらは読みません。"
        ),
        "{:,} of {:,} pages could not be read: {} ({}). They are left out.": (
            "{1:,} ページ中 {0:,} ページ（{2}）が読めません（{3}）。これらは読みません。"
        ),
        "{:,} of {:,} pages hold only a running header or footer. They are left out.": (
            "{1:,} ページ中 {0:,} ページは柱やページ番号だけです。これらは読みません。"
        ),
        "A running header on {:,} of {:,} pages was left out.": "{1:,} ページ中 {0:,} ページのヘッダーを除きました。",
        "A running footer on {:,} of {:,} pages was left out.": "{1:,} ページ中 {0:,} ページのフッターを除きました。",
        "1 word broken over two lines was put together.": "行末で分かれた 1 語をつなぎました。",
        "{:,} words broken over two lines were put together.": "行末で分かれた {:,} 語をつなぎました。",
        # Word
        "{:,} of {:,} pages have no text: pictures? They are left out.": (
            "{1:,} ページ中 {0:,} ページにテキストがありません（画像の可能性）。これらは読みません。"
        ),
        "{} is in Word's old format (doc). Open it in Word or LibreOffice and save it as docx.": (
            "{} は Word の古い形式（doc）です。Word か LibreOffice で開き、docx で保存してください。"
        ),
        "{} holds no text. If it holds pictures of text, recognise it (OCR) first.": (
            "{} にはテキストがありません。文字の画像が入っているなら、先に文字認識（OCR）をしてください。"
        ),
        "{} is protected by a password, which cannot be used here. Open it in Word and save it without (File, Info, "
        "Protect Document).": (
            "{} はパスワードで保護されていて、ここでは開けません。Word で開き、"
            "パスワードなしで保存してください（ファイル、情報、文書の保護）。"
        ),
        "{} is damaged or is no Word document ({}). Open it in Word or LibreOffice and save it again as docx.": (
            "{} は壊れているか、Word 文書ではありません（{}）。Word か LibreOffice で開き、docx "
            "で保存し直してください。"
        ),
        # E-books and archives
        "{} has no text ({}). Convert it to PDF and run text recognition (OCR) over it.": (
            "{} にはテキストがありません（{}）。PDF に変換し、文字認識（OCR）をしてください。"
        ),
        "its pages may be pictures": "ページが画像の可能性があります",
        "{:,} of {:,} parts have no text: pictures? They are left out.": (
            "{1:,} 部分中 {0:,} 部分にテキストがありません（画像の可能性）。これらは読みません。"
        ),
        "{:,} of {:,} parts could not be read ({}) They are left out.": (
            "{1:,} 部分中 {0:,} 部分が読めません（{2}）。これらは読みません。"
        ),
        "{} is protected against copying (DRM) and can be read only by the shop's own app. Use a copy without "
        "protection.": (
            "{} はコピー防止（DRM）がかかっていて、販売元のアプリでしか読めません。保護のないものを使ってください。"
        ),
        "{} is damaged and cannot be read ({}). Export it again.": (
            "{} は壊れていて読めません（{}）。書き出し直してください。"
        ),
        "{} names no package file": "{} にパッケージファイルの指定がありません",
        "its reading order is empty": "読む順序が空です",
        "{} is missing": "{} がありません",
        "{}: {}": "{}：{}",
        "{} is named like {} but is none, or is cut short ({}). Export it again.": (
            "{} は{}という名前ですが、中身が違うか、途中で切れています（{}）。書き出し直してください。"
        ),
        "{} is a locked archive, which cannot be opened here. Save it without a password.": (
            "{} はパスワード付きの書庫で、ここでは開けません。パスワードなしで保存してください。"
        ),
        "{} is packed in a way that {} is not. Export it again.": (
            "{} の圧縮方式は{}のものではありません。書き出し直してください。"
        ),
        # Web pages and texts
        "{} has no text of its own: a browser may put it there by scripts. Open it in a browser and save it as PDF, "
        "or paste its text.": (
            "{} 自体にはテキストがありません（スクリプトで表示される可能性）。ブラウザで開いて PDF "
            "で保存するか、文章を貼り付けてください。"
        ),
        "{} is named like a text but holds other data. Save it as plain text (UTF-8) or as PDF.": (
            "{} はテキストという名前ですが、中身が違います。プレーンテキスト（UTF-8）か PDF で保存してください。"
        ),
        "{} is not UTF-8; it was read as {}. If letters look wrong, save it as UTF-8.": (
            "{} は UTF-8 ではないため、{} として読みました。文字化けしていたら、UTF-8 で保存してください。"
        ),
        "{} holds nothing but blanks ({}). Choose another file.": (
            "{} は空白だけです（{}）。別のファイルを選んでください。"
        ),
        # The choice of pages
        "{} has {:,} page": "{} は {:,} ページです",
        "{} has {:,} pages": "{} は {:,} ページです",
        "{}: the chosen pages ({}) have no text. Choose others.": (
            "{}：選んだページ（{}）にテキストがありません。別のページを選んでください。"
        ),
        "{}; “{}” is not a page or a range of pages. Write for example 1-3, 7, 12-": (
            "{}。「{}」はページや範囲ではありません。1-3, 7, 12- のように書いてください。"
        ),
        "{}; page numbers start at 1, not at {}.": "{}。ページ番号は {} ではなく 1 から始まります。",
        "{}; there is no page {:,}.": "{}。ページ {:,} はありません。",
        "{}; “{}” runs backwards: write {}-{}.": "{}。「{}」は逆順です。{}-{} と書いてください。",
        "{}; there is nothing between two commas. Write for example 1-3, 7, 12-": (
            "{}。コンマの間に何もありません。1-3, 7, 12- のように書いてください。"
        ),
    }
)
