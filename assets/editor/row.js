// The row below the text: how long it is, and what can be done with the passage.

// After a pause: while the model writes, the text changes twelve times a second.
function count() { countTimer ||= setTimeout(counted, COUNT_MS); }
function counted() {
  countTimer = 0;
  const words = area.value.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu);
  row.count.textContent = `${(words?.length ?? 0).toLocaleString()} ${TEXT.words} · ${toCharacters(area.value, area.value.length).toLocaleString()} ${TEXT.characters}`;
  find.refresh();
  tell("changed");
}

/** @param {PassageKind} kind */
function passage(kind, how = "") {
  sent = area.value;
  trigger("passage", { kind, wish: how, ...state() });
}

function tools() {
  const busy = running || proposal.shown;
  const selected = area.selectionStart !== area.selectionEnd && !busy;
  /** @type {PassageKind[]} */
  const kinds = busy ? [] : selected ? ["rewrite", "expand", "shorten"] : last ? ["again"] : [];
  if (row.tools.dataset.kinds === kinds.join()) return;
  row.tools.dataset.kinds = kinds.join();
  row.tools.replaceChildren(...kinds.map((kind) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = TEXT[kind];
    button.dataset.kind = kind;
    button.addEventListener("click", () => passage(kind, wish.value));
    return button;
  }));
  if (selected) row.tools.append(wish);
}
counted();
