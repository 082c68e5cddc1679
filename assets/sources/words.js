// What the list of sources says, by the browser's language.
const WORDS = {
  en: {
    list: "Sources", password: "Password", pages: "Pages to read", pagesHint: "all, or for example 1-3, 7",
    up: "Move up", down: "Move down", leaveOut: "Leave out", takeIn: "Take in again", remove: "Remove",
    text: "Text as it was read", page: "Page", warning: "Warning",
    broken: "This source cannot be shown.",
  },
  ja: {
    list: "資料", password: "パスワード", pages: "読むページ", pagesHint: "すべて、または 1-3, 7 など",
    up: "上へ", down: "下へ", leaveOut: "使わない", takeIn: "再び使う", remove: "取り除く",
    text: "読み取ったテキスト", page: "ページ", warning: "注意",
    broken: "この資料は表示できません。",
  },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
