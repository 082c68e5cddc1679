// The editor: what is typed goes to the server, what the server and its runs have written comes here.
const root = element.querySelector(".draft-root");
const area = root.querySelector(".draft-text");
const row = { count: root.querySelector(".draft-count"), tools: root.querySelector(".draft-tools"), saved: root.querySelector(".draft-saved") };
const status = root.querySelector(".draft-status");
const SEND_MS = 300, MOST_MS = 800, CARET_MS = 250, MIRROR_MS = 1000, PATIENCE_MS = 4000;

let revision = 0, project = "", last = null, base = null, run = "";
let sent = "", inFlight = null, firstUnsent = 0, sendTimer = 0, caretTimer = 0, mirrorTimer = 0, asked = false;

area.setAttribute("aria-label", TEXT.label);
area.placeholder = TEXT.placeholder;
const follow = new Follow(area, root.querySelector(".draft-follow"));
root.querySelector(".draft-follow").textContent = TEXT.follow;
const proposal = new Proposal(root, area, (kind, id) => { proposal.hide(); area.focus(); trigger(kind, { id }); });

const state = () => ({
  text: base ?? area.value, revision,
  start: toCharacters(area.value, area.selectionStart), end: toCharacters(area.value, area.selectionEnd),
});
// Buttons of the page read the draft here. The edit is sent as well, since not every button answers with a revision.
const owner = element.closest("#draft") ?? element;
owner.draft = { state() { send(); return state(); }, focus: () => area.focus() };

// --- to the server ---

const unsent = () => !area.readOnly && area.value !== sent;

function send() {
  clearTimeout(sendTimer);
  if (!unsent()) return;
  if (inFlight && Date.now() - inFlight < PATIENCE_MS) { sendTimer = setTimeout(send, SEND_MS); return; }
  if (inFlight) { row.saved.textContent = TEXT.unsaved; }
  inFlight = Date.now();
  firstUnsent = 0;
  sent = area.value;
  trigger("edit", state());
}

function typed() {
  const now = Date.now();
  firstUnsent ||= now;
  row.saved.textContent = TEXT.saving;
  clearTimeout(sendTimer);
  sendTimer = setTimeout(send, Math.max(0, Math.min(SEND_MS, firstUnsent + MOST_MS - now)));
  mirror();
  count();
}

area.addEventListener("input", typed);
area.addEventListener("blur", send);
addEventListener("pagehide", () => { store(); send(); });
document.addEventListener("selectionchange", () => {
  if (document.activeElement !== area) return;
  tools();
});
// A passage is looked at by going there, not by typing.
function look() {
  clearTimeout(caretTimer);
  caretTimer = setTimeout(() => { if (!area.readOnly && !unsent()) trigger("caret", state()); }, CARET_MS);
}
area.addEventListener("click", look);
area.addEventListener("keyup", (event) => { if (/^(Arrow|Home$|End$|Page)/.test(event.key)) look(); });
area.addEventListener("input", () => clearTimeout(caretTimer));
setInterval(() => { if (inFlight && Date.now() - inFlight > PATIENCE_MS) { row.saved.textContent = TEXT.unsaved; sent = null; send(); } }, PATIENCE_MS);

// --- a copy in the browser ---

const key = () => `refreshkv-draft-${project}`;
function store() {
  mirrorTimer = 0;
  try { localStorage.setItem(key(), JSON.stringify({ text: area.value, revision, kept: !unsent() && !inFlight })); } catch { /* full, or forbidden */ }
}
function mirror() { mirrorTimer ||= setTimeout(store, MIRROR_MS); }

function offer(text) {
  asked = true;
  let held = null;
  try { held = JSON.parse(localStorage.getItem(key()) ?? "null"); } catch { /* not ours */ }
  if (!held || typeof held.text !== "string" || held.text === text || !held.text.trim() || (held.kept && text.trim())) return;
  giveBack(held.text);
}

// Text that is not in the draft any more is offered, never dropped.
function giveBack(text) {
  const bar = root.querySelector(".draft-recover");
  const [restore, discard] = bar.querySelectorAll("button");
  bar.querySelector("span").textContent = TEXT.found;
  restore.textContent = TEXT.restore;
  discard.textContent = TEXT.discard;
  restore.onclick = () => { bar.hidden = true; trigger("recover", { text, revision, start: 0, end: 0 }); };
  discard.onclick = () => { bar.hidden = true; store(); };
  bar.hidden = false;
}

// --- from the server ---

function put(text, select) {
  const top = area.scrollTop, had = [area.selectionStart, area.selectionEnd];
  if (area.value !== text) area.value = text;
  const [start, end] = select ? select.map((at) => toUnits(text, at)) : had;
  area.setSelectionRange(Math.min(start, text.length), Math.min(end, text.length));
  area.scrollTop = top;
}

function writing(on) {
  if (on === area.readOnly) return;
  area.readOnly = on;
  area.setAttribute("aria-busy", String(on));
  status.textContent = on ? TEXT.begins : TEXT.ends;
  if (on) follow.begin(); else follow.finish();
  tools();
}

const handlers = {
  set(message) {
    if (project !== message.project) { project = message.project; asked = false; }
    const typing = asked && !area.readOnly && (unsent() || inFlight);
    const newer = typing && message.revision === revision;
    if (typing && !newer && unsent() && area.value !== message.text) giveBack(area.value);
    base = null;
    run = "";
    if (!newer) inFlight = null;
    revision = message.revision;
    last = message.last;
    proposal.hide();
    writing(false);
    if (!newer) { put(message.text, message.select); sent = area.value; }
    row.saved.textContent = newer ? TEXT.saving : TEXT.saved;
    if (!asked) offer(message.text); else mirror();
  },
  stream(message) {
    if (run !== message.run) {
      if (message.revision !== revision) { trigger("resync"); return; }
      run = message.run;
      // The run began from what the server had: what was typed since is offered back, not written into.
      base = unsent() && sent !== null ? sent : area.value;
      if (base !== area.value) giveBack(area.value);
      sent = base;
    }
    writing(true);
    const at = toUnits(base, message.at), end = toUnits(base, message.at + message.replaced);
    const text = base.slice(0, at) + message.text + base.slice(end);
    put(text, null);
    follow.end(end >= base.length ? 1 : (at + message.text.length) / text.length);
  },
  propose(message) {
    writing(!message.done);
    proposal.show(message, area.value);
    if (message.done) status.textContent = TEXT.proposed;
  },
  saved(message) {
    revision = Math.max(revision, message.revision);
    inFlight = null;
    row.saved.textContent = unsent() ? TEXT.saving : TEXT.saved;
    mirror();
    if (unsent()) send();
  },
};

function read() {
  if (!props.value) return;
  const message = JSON.parse(props.value);
  handlers[message.kind]?.(message);
  count();
}
watch("value", read);
read();

// --- the row below ---

function count() {
  const words = area.value.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu);
  row.count.textContent = `${(words?.length ?? 0).toLocaleString()} ${TEXT.words} · ${toCharacters(area.value, area.value.length).toLocaleString()} ${TEXT.characters}`;
}

function tools() {
  const selected = area.selectionStart !== area.selectionEnd && !area.readOnly;
  const kinds = area.readOnly ? [] : selected ? ["rewrite", "expand", "shorten"] : last ? ["again"] : [];
  if (row.tools.dataset.kinds === kinds.join()) return;
  row.tools.dataset.kinds = kinds.join();
  row.tools.replaceChildren(...kinds.map((kind) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = TEXT[kind];
    button.dataset.kind = kind;
    button.addEventListener("click", () => { sent = area.value; trigger("passage", { kind, ...state() }); });
    return button;
  }));
}

// --- keys ---

const SHORTCUTS = [
  ["#write", "Control+Enter", (event, ctrl) => ctrl && !event.shiftKey && event.key === "Enter"],
  ["#continue", "Control+Shift+Enter", (event, ctrl) => ctrl && event.shiftKey && event.key === "Enter"],
  ["#stop", "Escape", (event) => event.key === "Escape" && area.readOnly],
  ["#undo", "Control+Z", (event, ctrl) => ctrl && !event.shiftKey && event.key.toLowerCase() === "z" && event.target === area],
  ["#redo", "Control+Shift+Z", (event, ctrl) => ctrl && event.target === area && ((event.shiftKey && event.key.toLowerCase() === "z") || event.key.toLowerCase() === "y")],
  ["#save-version", "Control+Shift+S", (event, ctrl) => ctrl && event.shiftKey && event.key.toLowerCase() === "s"],
];
document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const pressed = SHORTCUTS.find(([, , matches]) => matches(event, event.ctrlKey || event.metaKey));
  const button = pressed && document.querySelector(pressed[0]);
  if (!button) return;
  event.preventDefault();
  if (!button.disabled) button.click();
});
setTimeout(() => SHORTCUTS.forEach(([id, keys]) => document.querySelector(id)?.setAttribute("aria-keyshortcuts", keys)), 1500);
count();
