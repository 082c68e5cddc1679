// The editor: what is typed goes to the server, what the server and its runs have written comes here.
const root = element.querySelector(".draft-root");
const area = root.querySelector(".draft-text");
const row = { count: root.querySelector(".draft-count"), tools: root.querySelector(".draft-tools"), saved: root.querySelector(".draft-saved") };
const announcer = root.querySelector(".draft-status");
const SEND_MS = 300, MOST_MS = 800, CARET_MS = 250, SETTLED_MS = 700, COUNT_MS = 300, MIRROR_MS = 1000, PATIENCE_MS = 4000;

// `base`: the draft that a run writes into, once it does. `writer`: that run.
let revision = 0, serial = 0, project = "", writer = "", running = false, composing = false;
let /** @type {Span | null} */ last = null, /** @type {string | null} */ base = null;
// `sent`: what the server has, or null if all is to be sent; `inFlight`: since when it has not answered.
let /** @type {string | null} */ sent = "", /** @type {number | null} */ inFlight = null;
let firstUnsent = 0, asked = false, failed = false;
let sendTimer = 0, caretTimer = 0, settledTimer = 0, countTimer = 0, mirrorTimer = 0;

area.setAttribute("aria-label", TEXT.label);
area.placeholder = TEXT.placeholder;
const follow = new Follow(area, root.querySelector(".draft-follow"));
root.querySelector(".draft-follow").textContent = TEXT.follow;
const marks = new Marks(area, root.querySelector(".draft-marks"));
const proposal = new Proposal(root, area, (kind, id, piece) => {
  if (piece === undefined) { proposal.hide(); area.focus(); }
  trigger(kind, piece === undefined ? { id } : { id, piece });
});
const find = new Find(root, area, (replaced) => { send(); trigger("replace", { ...state(), replaced }); }, typed);

// How the passage is to become: for the buttons before it.
const wish = document.createElement("input");
Object.assign(wish, { className: "draft-wish", placeholder: TEXT.wish, maxLength: 200 });
wish.setAttribute("aria-label", TEXT.wishLabel);
wish.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) row.tools.querySelector("button")?.click();
});

/** @returns {DraftState} */
const state = () => ({
  project, text: base ?? area.value, revision, serial,
  start: toCharacters(area.value, area.selectionStart), end: toCharacters(area.value, area.selectionEnd),
});

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
/** @param {string} text */
function say(text, alert = false) {
  failed = alert;
  if (alert) row.saved.setAttribute("role", "alert"); else row.saved.removeAttribute("role");
  row.saved.textContent = text;
}

function typed() {
  const now = Date.now(), text = valid(area.value);
  if (text !== area.value && !composing) put(text, null);
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
area.addEventListener("compositionend", () => { composing = false; stream.show(); });
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

let /** @type {string | null} */ offered = null, elsewhere = ""; // the text that the bar offers, and the project it was of if that is gone
const bar = root.querySelector(".draft-recover");
const key = (/** @type {string} */ id) => `refreshkv-draft-${id}`;
const SHOWN = "refreshkv-shown"; // the project that this tab showed last
const titleField = () => /** @type {HTMLInputElement | null} */ (
  document.querySelector("#project-name textarea, #project-name input"));

/** @param {string} id @returns {Copy | null} */
function copyOf(id) {
  try { return JSON.parse(localStorage.getItem(key(id)) ?? "null"); } catch { return null; /* not ours, or forbidden */ }
}

// What this tab showed last, until the server answers: a page that is loaded again need not look empty meanwhile.
function remember() {
  let shown = null;
  try { shown = sessionStorage.getItem(SHOWN); } catch { /* forbidden */ }
  const copy = shown && copyOf(shown);
  if (!copy || typeof copy.text !== "string") return;
  area.value = sent = copy.text;
  area.setAttribute("aria-busy", "true");
  say(TEXT.opening);
  const name = copy.name ?? "";
  // The field may come after the editor.
  const coming = new MutationObserver(() => nameIt());
  const nameIt = () => {
    const title = titleField();
    if (title && !title.value && !project) title.value = name;
    if (title || project) coming.disconnect();
  };
  coming.observe(document.body, { childList: true, subtree: true });
  nameIt();
}

function store() {
  clearTimeout(mirrorTimer);
  mirrorTimer = 0;
  if (!project) return;
  const name = titleField()?.value ?? "";
  const copy = { text: area.value, revision, kept: !unsent() && !inFlight && !failed, offered, name };
  try {
    localStorage.setItem(key(project), JSON.stringify(copy));
    sessionStorage.setItem(SHOWN, project);
  } catch { /* full, or forbidden */ }
}
function mirror() { mirrorTimer ||= setTimeout(store, MIRROR_MS); }
/** @param {string} id */
function forget(id) { try { localStorage.removeItem(key(id)); } catch { /* forbidden */ } }

// What the browser holds of this project, or of the one it stands in place of, that is not in the draft.
/** @param {string} text @param {string} previous */
function offer(text, previous) {
  asked = true;
  for (const id of previous ? [project, previous] : [project]) {
    const held = copyOf(id);
    const found = [held?.offered, held?.kept && text.trim() ? null : held?.text];
    const missing = found.find((one) => typeof one === "string" && one.trim() && one !== text);
    if (missing) { elsewhere = id === project ? "" : id; giveBack(missing, TEXT.found, TEXT.discard); return; }
  }
}

// Text that is not in the draft any more is offered, never dropped: the bar stays until the server has it.
/** @param {string} text @param {string} why @param {string} otherwise */
function giveBack(text, why, otherwise) {
  offered = text;
  show(why, otherwise);
  const restore = bar.querySelector(".restore");
  restore.hidden = false;
  restore.textContent = TEXT.restore;
  restore.onclick = () => trigger("recover", { ...state(), text });
  store();
}

/** @param {string} why @param {string} close */
function show(why, close) {
  const discard = bar.querySelector(".discard");
  bar.querySelector("span").textContent = why;
  bar.querySelector(".restore").hidden = true;
  discard.textContent = close;
  discard.onclick = settle;
  bar.hidden = false;
  announcer.textContent = why;
}

function settle() {
  if (elsewhere) forget(elsewhere);
  offered = null;
  elsewhere = "";
  bar.hidden = true;
  store();
}

// --- from the server ---

/** @param {string} text @param {Span | null} select */
function put(text, select) {
  const top = area.scrollTop, had = [area.selectionStart, area.selectionEnd];
  const bottom = select ? height(text, toUnits(text, select[1])) : 0;
  if (area.value !== text) area.value = text;
  const [start, end] = select ? select.map((at) => toUnits(text, at)) : had;
  area.setSelectionRange(Math.min(start, text.length), Math.min(end, text.length));
  const seen = bottom > top && bottom <= top + area.clientHeight;
  area.scrollTop = select && !seen ? bottom - area.clientHeight / 2 : top;
  marks.check();
}

// Of the text up to a place, in pixels.
/** @param {string} text @param {number} unit */
function height(text, unit) {
  area.value = text.slice(0, unit);
  return area.scrollHeight;
}

/** @param {boolean} on */
function writing(on) {
  area.setAttribute("aria-busy", String(on));
  if (on === area.readOnly) return;
  area.readOnly = on;
  announcer.textContent = on ? TEXT.begins : asked ? TEXT.ends : "";
  if (on) follow.begin(); else follow.finish();
  runs(on);
}

/** @param {boolean} on */
function runs(on) {
  running = on;
  tools();
}

// The page goes over to another project. What was typed last belongs to the one it was typed in.
/** @param {SetMessage} message */
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

/** @type {Handlers} */
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
    writer = "";
    if (!newer || message.text === sent || sent === null) inFlight = null;
    revision = message.revision;
    last = message.last;
    if (!message.proposal || newer) proposal.hide();
    writing(false);
    if (!newer) { put(message.text, message.select); sent = area.value; }
    if (message.proposal && !newer) proposal.show({ ...message.proposal, done: true }, area.value);
    runs(message.running);
    if (!failed) say(newer ? TEXT.saving : TEXT.saved);
    if (message.note === "restored") settle();
    if (!asked) offer(message.text, previous); else mirror();
    if (unsent()) send();
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

const incoming = new LogReader();

function read() {
  if (!props.value) return;
  if (LogReader.reads(props.value)) {
    stream.take(incoming.added(props.value));
    count();
    return;
  }
  /** @type {Message} */
  const message = JSON.parse(props.value);
  if (message.kind !== "set" && message.project !== project) return; // of a project that the page has left
  const handle = /** @type {((message: Message) => void) | undefined} */ (handlers[message.kind]);
  handle?.(message);
  count();
  if (message.kind === "set" || message.kind === "saved") settles();
}

// For what depends on the draft as the server has it: after a pause in typing.
function settles() {
  clearTimeout(settledTimer);
  settledTimer = setTimeout(() => { trigger("settled"); tell("settled"); }, SETTLED_MS);
}
