// What the editor says, by the browser's language.
const TEXT = {
  en: {
    label: "Draft", placeholder: "Write here, or add sources and press Write. The text is yours: edit it anywhere.",
    words: "words", characters: "characters", saved: "Saved", opening: "Opening …", saving: "Saving …", unsaved: "Not saved yet; kept in this browser",
    rewrite: "Rewrite", expand: "Expand", shorten: "Shorten", again: "Write the last passage again",
    wish: "How? More formal, …", wishLabel: "How the passage is to become (optional)",
    accept: "Accept", reject: "Reject", acceptAll: "Accept all", rejectAll: "Reject all", change: "change", changes: "{} changes, each with its own ✓ and ✕",
    outdated: "The passage was changed meanwhile, so the proposal no longer fits it.",
    proposal: "Proposed changes: Enter accepts all, Escape rejects all, Tab goes through them", follow: "Follow the text",
    begins: "The model is writing.", ends: "The model has stopped writing.", proposed: "A proposal is ready.",
    found: "This browser holds a later text of this draft that was not saved.", restore: "Restore it", discard: "Discard it",
    refused: "The draft was changed in another window, or by the model. Your text here was kept as a version.", leave: "Leave it there",
    kept: "The model is writing, so the text was kept as a version. Restore it from there afterwards.", close: "Close",
  },
  ja: {
    label: "原稿", placeholder: "ここに書くか、資料を加えて「書く」を押してください。文章はどこでも自由に直せます。",
    words: "語", characters: "文字", saved: "保存済み", opening: "開いています…", saving: "保存中…", unsaved: "未保存（このブラウザに保管）",
    rewrite: "書き直す", expand: "広げる", shorten: "縮める", again: "直前の箇所を書き直す",
    wish: "どのように？ もっと丁寧に…", wishLabel: "どのように直すか（任意）",
    accept: "採用", reject: "却下", acceptAll: "すべて採用", rejectAll: "すべて却下", change: "変更", changes: "変更は{}か所。それぞれ✓と✕で決められます",
    outdated: "その間に箇所が変更されたため、この提案はもう合いません。",
    proposal: "変更の提案：Enterですべて採用、Escapeですべて却下、Tabで一つずつ", follow: "末尾を追う",
    begins: "モデルが書いています。", ends: "モデルが書き終えました。", proposed: "提案ができました。",
    found: "このブラウザに、保存されていない新しい原稿があります。", restore: "復元する", discard: "破棄する",
    refused: "原稿が別のウィンドウかモデルによって変更されました。ここにあった文章は版として保存しました。", leave: "そのままにする",
    kept: "モデルが書いている間なので、文章を版として保存しました。後で版から復元してください。", close: "閉じる",
  },
}[navigator.language.startsWith("ja") ? "ja" : "en"];
