// What the plan of reading says, by the browser's language.
const WORDS = {
  en: {
    strip: "All that is read, and what the text is written from", change: "See and change what is read",
    full: "in full", note: "main sentences", none: "not read", pages: (pages) => `pages: ${pages}`, unread: "not written about",
    part: (pages, title) => (title ? `p. ${pages} · ${title}` : `p. ${pages}`), state: (part) => `What is read of ${part}`,
    noteOn: (part) => `What the model sees of ${part}`,
    leaveOut: "Leave out", again: "Write this section again", takeIn: "Write about it", automatic: "Undo all changes here",
    of: (action, heading) => `${action}: ${heading}`,
  },
  ja: {
    strip: "読む範囲の全体と、文章のもとになる箇所", change: "読む箇所を見る・変える",
    full: "全文", note: "主な文", none: "読まない", pages: (pages) => `ページ：${pages}`, unread: "取り上げない",
    part: (pages, title) => (title ? `${pages}ページ · ${title}` : `${pages}ページ`), state: (part) => `${part} の読み方`,
    noteOn: (part) => `${part} についてモデルが読むもの`,
    leaveOut: "取り上げない", again: "この節を書き直す", takeIn: "取り上げる", automatic: "ここでの変更をすべて取り消す",
    of: (action, heading) => `${action}：${heading}`,
  },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
