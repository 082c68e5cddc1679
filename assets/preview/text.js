// What the preview says, by the browser's language.
const TEXT = {
  en: {
    views: "Draft as", text: "Text", preview: "Preview", both: "Both", pane: "Preview of the draft", empty: "Nothing is written yet.",
    outline: "Outline", find: "Find", noHeadings: "The draft has no headings. A line that begins with # is one.",
    marks: "Support marks", exact: "word for word in the documents", near: "in nearly their words", none: "without support",
  },
  ja: {
    views: "原稿の表示", text: "テキスト", preview: "プレビュー", both: "両方", pane: "原稿のプレビュー", empty: "まだ何も書かれていません。",
    outline: "目次", find: "検索", noHeadings: "見出しがありません。# で始まる行が見出しになります。",
    marks: "裏付けの印", exact: "資料に逐語的にある", near: "資料にほぼ同じ文がある", none: "裏付けなし",
  },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
