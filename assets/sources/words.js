// What the list of sources says, by the browser's language.
const WORDS = {
  en: {
    list: "Sources", password: "Password", pages: "Pages to read", pagesHint: "all, or for example 1-3, 7",
    up: "Move up", down: "Move down", leaveOut: "Leave out", takeIn: "Take in again", remove: "Remove",
    text: "Text as it was read", page: "Page", warning: "Warning",
    encoding: "Encoding", byItself: "Found automatically", wholePage: "The whole web page, not its main part alone",
    runningLines: "Keep headers and footers", comments: "Keep comments, in brackets at their place",
    languages: "Languages of the pictures of text", recogniseAgain: "Recognise again", stop: "Stop reading",
    encodings: {
      "utf-8": "Unicode (UTF-8)", "utf-16": "Unicode (UTF-16)", cp1252: "Western European (cp1252)", cp1250: "Central European (cp1250)",
      cp1251: "Cyrillic (cp1251)", "koi8-r": "Cyrillic (KOI8-R)", cp1253: "Greek (cp1253)", cp1254: "Turkish (cp1254)",
      cp1255: "Hebrew (cp1255)", cp1256: "Arabic (cp1256)", cp1257: "Baltic (cp1257)", cp932: "Japanese (Shift-JIS)",
      "euc-jp": "Japanese (EUC-JP)", gb18030: "Chinese (GB18030)", cp950: "Chinese (Big5)", cp949: "Korean (cp949)",
    },
    broken: "This source cannot be shown.",
  },
  ja: {
    list: "資料", password: "パスワード", pages: "読むページ", pagesHint: "すべて、または 1-3, 7 など",
    up: "上へ", down: "下へ", leaveOut: "使わない", takeIn: "再び使う", remove: "取り除く",
    text: "読み取ったテキスト", page: "ページ", warning: "注意",
    encoding: "文字コード", byItself: "自動で判別", wholePage: "本文だけでなくウェブページ全体",
    runningLines: "ヘッダーとフッターを残す", comments: "コメントを該当箇所に角かっこで入れる",
    languages: "画像の文字の言語", recogniseAgain: "もう一度認識する", stop: "読み取りをやめる",
    encodings: {
      "utf-8": "Unicode（UTF-8）", "utf-16": "Unicode（UTF-16）", cp1252: "西ヨーロッパ（cp1252）", cp1250: "中央ヨーロッパ（cp1250）",
      cp1251: "キリル文字（cp1251）", "koi8-r": "キリル文字（KOI8-R）", cp1253: "ギリシャ語（cp1253）", cp1254: "トルコ語（cp1254）",
      cp1255: "ヘブライ語（cp1255）", cp1256: "アラビア語（cp1256）", cp1257: "バルト諸語（cp1257）", cp932: "日本語（Shift-JIS）",
      "euc-jp": "日本語（EUC-JP）", gb18030: "中国語（GB18030）", cp950: "中国語（Big5）", cp949: "韓国語（cp949）",
    },
    broken: "この資料は表示できません。",
  },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
