// What other parts of the page see of the draft, and how they hear of it.

// Buttons of the page read the draft here. The edit is sent as well, since not every button answers with a revision.
/** @type {DraftOwner} */
const owner = element.closest("#draft") ?? element;
owner.draft = {
  state() { send(); return state(); },
  focus: () => area.focus(),
  text: () => area.value,
  mark: (spans, caret) => marks.show(spans, caret),
  caret: () => area.selectionStart,
  look(start) { if (!composing) { area.setSelectionRange(start, start); look(); } },
  writing: () => area.readOnly,
  go,
  find: () => find.open(),
  rewrite(start, end) {
    if (running || proposal.shown) return;
    go(start, end);
    passage("rewrite");
  },
};

// Other parts of the page show what depends on the draft, and need not ask for it.
/** @param {"changed" | "settled"} what */
function tell(what) { document.dispatchEvent(new Event(`draft-${what}`)); }

// Selects what stands there, in units, and brings it into view.
/** @param {number} start @param {number} end */
function go(start, end, focus = true) {
  if (composing) return;
  put(area.value, [toCharacters(area.value, start), toCharacters(area.value, end)]);
  if (focus) area.focus({ preventScroll: true });
  if (focus) area.scrollIntoView({ block: "nearest" });
  tools();
}
