// What the list of sentences without support says, by the browser's language.
const TEXT = {
  en: { remove: "Take out", rewrite: "Write again" },
  ja: { remove: "取り除く", rewrite: "書き直す" },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
