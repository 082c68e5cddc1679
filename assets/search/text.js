// What the box says, by the browser's language.
const TEXT = {
  en: { search: "Find in the documents", hits: "Places in the documents" },
  ja: { search: "資料内を検索", hits: "資料内の箇所" },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
