// The editor: what is typed goes to the server, what the server and its runs have written comes here.
const root = element.querySelector(".draft-root");
const area = root.querySelector(".draft-text");
const row = { count: root.querySelector(".draft-count"), tools: root.querySelector(".draft-tools"), saved: root.querySelector(".draft-saved") };
const status = root.querySelector(".draft-status");
const SEND_MS = 300, MOST_MS = 800, CARET_MS = 250, SETTLED_MS = 700, COUNT_MS = 300, MIRROR_MS = 1000, PATIENCE_MS = 4000;

// `base`: the draft that a run writes into, once it does.
let revision = 0, serial = 0, project = "", last = null, base = null, run = "", running = false, composing = false;
let sent = "", inFlight = null, firstUnsent = 0, asked = false, failed = false;
let sendTimer = 0, caretTimer = 0, settledTimer = 0, countTimer = 0, mirrorTimer = 0;

area.setAttribute("aria-label", TEXT.label);
area.placeholder = TEXT.placeholder;
const follow = new Follow(area, root.querySelector(".draft-follow"));
root.querySelector(".draft-follow").textContent = TEXT.follow;
const proposal = new Proposal(root, area, (kind, id) => { proposal.hide(); area.focus(); trigger(kind, { id }); });

// How the passage is to become: for the buttons before it.
const wish = document.createElement("input");
Object.assign(wish, { className: "draft-wish", placeholder: TEXT.wish, maxLength: 200 });
wish.setAttribute("aria-label", TEXT.wishLabel);
wish.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) row.tools.querySelector("button")?.click();
});

const state = () => ({
  project, text: base ?? area.value, revision, serial,
  start: toCharacters(area.value, area.selectionStart), end: toCharacters(area.value, area.selectionEnd),
});
// Buttons of the page read the draft here. The edit is sent as well, since not every button answers with a revision.
const owner = element.closest("#draft") ?? element;
owner.draft = { state() { send(); return state(); }, focus: () => area.focus() };

// --- to the server ---

const unsent = () => (base ?? area.value) !== sent;

function send() {
  clearTimeout(sendTimer);
  if (!unsent()) return;
  if (inFlight && Date.now() - inFlight < PATIENCE_MS) { sendTimer = setTimeout(send, SEND_MS); return; }
  if (inFlight) say(TEXT.unsaved);
  inFlight = Date.now();
  firstUnsent = 0;
  sent = base ?? area.value;
  trigger("edit", state());
}

// Where "Saved" stands; an alert while the text is not kept.
function say(text, alert = false) {
  failed = alert;
  if (alert) row.saved.setAttribute("role", "alert"); else row.saved.removeAttribute("role");
  row.saved.textContent = text;
}

function typed() {
  const now = Date.now();
  firstUnsent ||= now;
  serial++;
  if (!failed) say(TEXT.saving);
  clearTimeout(sendTimer);
  sendTimer = setTimeout(send, Math.max(0, Math.min(SEND_MS, firstUnsent + MOST_MS - now)));
  mirror();
  count();
}

area.addEventListener("input", typed);
area.addEventListener("blur", send);
area.addEventListener("compositionstart", () => { composing = true; });
area.addEventListener("compositionend", () => { composing = false; });
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
setInterval(() => {
  const unanswered = inFlight && Date.now() - inFlight > PATIENCE_MS;
  if (unanswered) say(TEXT.unsaved);
  if (unanswered || failed) { sent = null; send(); }
}, PATIENCE_MS);

// --- a copy in the browser ---

let offered = null, elsewhere = ""; // the text that the bar offers, and the project it was of if that is gone
const bar = root.querySelector(".draft-recover");
const key = (id) => `refreshkv-draft-${id}`;

function store() {
  clearTimeout(mirrorTimer);
  mirrorTimer = 0;
  if (!project) return;
  const copy = { text: area.value, revision, kept: !unsent() && !inFlight && !failed, offered };
  try { localStorage.setItem(key(project), JSON.stringify(copy)); } catch { /* full, or forbidden */ }
}
function mirror() { mirrorTimer ||= setTimeout(store, MIRROR_MS); }
function forget(id) { try { localStorage.removeItem(key(id)); } catch { /* forbidden */ } }

// What the browser holds of this project, or of the one it stands in place of, that is not in the draft.
function offer(text, previous) {
  asked = true;
  for (const id of previous ? [project, previous] : [project]) {
    let held = null;
    try { held = JSON.parse(localStorage.getItem(key(id)) ?? "null"); } catch { /* not ours */ }
    const found = [held?.offered, held?.kept && text.trim() ? null : held?.text];
    const missing = found.find((one) => typeof one === "string" && one.trim() && one !== text);
    if (missing) { elsewhere = id === project ? "" : id; giveBack(missing, TEXT.found, TEXT.discard); return; }
  }
}

// Text that is not in the draft any more is offered, never dropped: the bar stays until the server has it.
function giveBack(text, why, otherwise) {
  offered = text;
  show(why, otherwise);
  const restore = bar.querySelector(".restore");
  restore.hidden = false;
  restore.textContent = TEXT.restore;
  restore.onclick = () => trigger("recover", { ...state(), text });
  store();
}

function show(why, close) {
  const discard = bar.querySelector(".discard");
  bar.querySelector("span").textContent = why;
  bar.querySelector(".restore").hidden = true;
  discard.textContent = close;
  discard.onclick = settle;
  bar.hidden = false;
  status.textContent = why;
}

function settle() {
  if (elsewhere) forget(elsewhere);
  offered = null;
  elsewhere = "";
  bar.hidden = true;
  store();
}

// --- from the server ---

function put(text, select) {
  const top = area.scrollTop, had = [area.selectionStart, area.selectionEnd];
  const bottom = select ? height(text, toUnits(text, select[1])) : 0;
  if (area.value !== text) area.value = text;
  const [start, end] = select ? select.map((at) => toUnits(text, at)) : had;
  area.setSelectionRange(Math.min(start, text.length), Math.min(end, text.length));
  const seen = bottom > top && bottom <= top + area.clientHeight;
  area.scrollTop = select && !seen ? bottom - area.clientHeight / 2 : top;
}

// Of the text up to a place, in pixels.
function height(text, unit) {
  area.value = text.slice(0, unit);
  return area.scrollHeight;
}

function writing(on) {
  if (on === area.readOnly) return;
  area.readOnly = on;
  area.setAttribute("aria-busy", String(on));
  status.textContent = on ? TEXT.begins : asked ? TEXT.ends : "";
  if (on) follow.begin(); else follow.finish();
  runs(on);
}

function runs(on) {
  running = on;
  tools();
}

// The page goes over to another project. What was typed last belongs to the one it was typed in.
function leave(message) {
  const replaced = project !== "" && message.previous === project;
  if (project && !replaced && message.forget !== project) {
    if (unsent()) trigger("edit", state());
    store();
  }
  clearTimeout(mirrorTimer);
  mirrorTimer = 0;
  if (message.forget) forget(message.forget);
  project = message.project;
  asked = replaced;
  if (replaced) { sent = null; return; } // all of it is sent for the new one
  offered = null;
  elsewhere = "";
  bar.hidden = true;
  sent = area.value;
  inFlight = null;
  failed = false;
}

const handlers = {
  set(message) {
    const previous = message.previous;
    if (message.project !== project) {
      if (project && !message.opens && previous !== project) return;
      leave(message);
    }
    const typing = asked && base === null && (unsent() || inFlight || failed);
    const newer = typing && (message.revision === revision || message.text === sent || sent === null);
    if (typing && !newer && area.value !== message.text) {
      if (message.note === "refused") giveBack(area.value, TEXT.refused, TEXT.leave);
      else if (unsent() || failed) { failed = false; giveBack(area.value, TEXT.found, TEXT.discard); }
    }
    base = null;
    run = "";
    if (!newer || message.text === sent || sent === null) inFlight = null;
    revision = message.revision;
    last = message.last;
    proposal.hide();
    writing(false);
    runs(message.running);
    if (!newer) { put(message.text, message.select); sent = area.value; }
    if (!failed) say(newer ? TEXT.saving : TEXT.saved);
    if (message.note === "restored") settle();
    if (!asked) offer(message.text, previous); else mirror();
    if (unsent()) send();
  },
  reading() { runs(true); },
  stream(message) {
    if (run !== message.run) {
      if (composing) return; // a word is being put together: it is finished first
      writing(true);
      // What was typed last is sent first, and the place of writing is behind it then.
      if (unsent() || inFlight) { send(); return; }
      if (failed || message.revision !== revision) { trigger("resync"); return; }
      run = message.run;
      base = area.value;
    }
    const at = toUnits(base, message.at), end = toUnits(base, message.at + message.replaced);
    const text = base.slice(0, at) + message.text + base.slice(end);
    put(text, null);
    follow.end(end >= base.length ? 1 : (at + message.text.length) / text.length);
    mirror();
  },
  propose(message) {
    writing(!message.done);
    proposal.show(message, area.value);
    tools();
    if (message.done) status.textContent = TEXT.proposed;
  },
  saved(message) {
    revision = Math.max(revision, message.revision);
    inFlight = null;
    if (message.error) say(message.error, true); else say(unsent() ? TEXT.saving : TEXT.saved);
    mirror();
    if (unsent()) send();
  },
  kept() {
    settle();
    show(TEXT.kept, TEXT.close);
  },
};

function read() {
  if (!props.value) return;
  const message = JSON.parse(props.value);
  if (message.kind !== "set" && message.project !== project) return; // of a project that the page has left
  handlers[message.kind]?.(message);
  count();
  // For what depends on the draft as the server has it: after a pause in typing.
  if (message.kind === "set" || message.kind === "saved") {
    clearTimeout(settledTimer);
    settledTimer = setTimeout(() => trigger("settled"), SETTLED_MS);
  }
}
watch("value", read);
read();
