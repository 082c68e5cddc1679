// The preview: asks for what has changed while it is open, and leads from it to the documents' pages.
const root = element.querySelector(".preview-root"), box = root.querySelector(".preview-pane");
const legend = root.querySelector(".preview-legend"), marks = root.querySelector(".preview-marks");
const PACE_MS = 2000, PATIENCE_MS = 10000, SHARE = 8; // while a text is written it asks at most so often, and an eighth of the time
const draft = () => document.querySelector("#draft")?.draft;
const pane = new Pane(box);
const outline = new Outline(root.querySelector(".outline"), root.querySelector(".outline-toggle"), ({ start, line }) => go(start, start, line));

let view = "text", timer = 0, asked = 0, took = 0, changed = false;
const shown = () => view !== "text";

root.querySelector(".preview-views").setAttribute("aria-label", TEXT.views);
box.setAttribute("aria-label", TEXT.pane);
box.dataset.empty = TEXT.empty;
marks.querySelector("span").textContent = TEXT.marks;
legend.append(...["exact", "near", "none"].map((kind) => Object.assign(document.createElement("span"), { className: `said ${kind}`, textContent: TEXT[kind] })));

// --- which is shown ---

const views = ["text", "preview", "both"].map((name) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: TEXT[name], className: `view-${name}` });
  button.addEventListener("click", () => turn(name));
  root.querySelector(".preview-views").append(button);
  return [name, button];
});

function turn(name) {
  view = name;
  for (const [other, button] of views) button.setAttribute("aria-pressed", String(other === name));
  box.hidden = !shown();
  const page = document.querySelector("#draft");
  page?.classList.toggle("previewed", name === "preview");
  page?.parentElement?.classList.toggle("beside", name === "both");
  legends();
  if (shown()) ask(); else clearTimeout(timer);
}

function legends() {
  const some = box.querySelector(".said") !== null;
  marks.hidden = !(shown() && some);
  legend.hidden = marks.hidden || !marks.querySelector("input").checked;
  box.classList.toggle("unmarked", !marks.querySelector("input").checked);
}
marks.querySelector("input").addEventListener("change", legends);

const opens = root.querySelector(".find-open");
Object.assign(opens, { textContent: TEXT.find, title: "Ctrl+F" });
opens.addEventListener("click", () => { if (view === "preview") turn("text"); draft()?.find(); });

// --- what changed ---

function ask() {
  clearTimeout(timer);
  const now = Date.now();
  if (asked && now - asked < PATIENCE_MS) { changed = true; return; }
  changed = false;
  asked = now;
  trigger("look", { serial: pane.serial });
}

// `pause`: at least so long after the last answer.
function askAfter(pause) {
  if (!shown()) return;
  changed = true;
  timer ||= setTimeout(() => { timer = 0; if (shown()) ask(); }, Math.max(pause, SHARE * took));
}

document.addEventListener("draft-changed", () => {
  if (outline.isOpen) { outline.show(draft()?.text() ?? ""); current(); }
  if (draft()?.writing()) askAfter(PACE_MS);
});
document.addEventListener("draft-settled", () => { if (shown()) askAfter(0); });

function read() {
  if (!props.value) return;
  const message = JSON.parse(props.value);
  took = asked ? Date.now() - asked : 0;
  asked = 0;
  if (!pane.apply(message)) { pane.serial = 0; ask(); return; }
  if (pane.atEnd && draft()?.writing()) box.scrollTop = box.scrollHeight;
  legends();
  current();
  if (changed) askAfter(draft()?.writing() ? PACE_MS : 0);
}

// --- places ---

// Editor and preview go there; `line` of the draft.
function go(start, end, line, words = "") {
  draft()?.go(start, end, view !== "preview");
  if (shown()) { pane.go(line, words); if (view === "preview") box.focus({ preventScroll: true }); }
  current();
}

function current() {
  if (!outline.isOpen) return;
  if (view === "preview") { const line = pane.topLine(); outline.mark((heading) => heading.line <= line); return; }
  const caret = draft()?.caret() ?? 0;
  outline.mark((heading) => heading.start <= caret);
}
document.addEventListener("selectionchange", () => { if (view !== "preview") current(); });
document.addEventListener("outline-opened", () => { outline.show(draft()?.text() ?? ""); current(); });
let drawn = 0;
box.addEventListener("scroll", () => { drawn ||= requestAnimationFrame(() => { drawn = 0; current(); }); });

box.addEventListener("click", (event) => {
  const link = event.target.closest(".page-ref");
  if (!link) return;
  event.preventDefault();
  const { file, name } = link.dataset, page = Number(link.dataset.page);
  document.querySelector("#cache-map")?.map?.seek(name, page);
  draft()?.look(pane.placeOf(link, draft().text()));
  document.querySelector("#source-list")?.sources?.open(file, page);
});

// Other parts of the page lead to a passage by its words: where they stand last.
(element.closest("#preview") ?? element).preview = {
  go(words) {
    const text = draft()?.text() ?? "", start = text.lastIndexOf(words);
    if (start >= 0) go(start, start + words.length, text.slice(0, start).split("\n").length - 1, words);
  },
};

turn("text");
watch("value", read);
read();
