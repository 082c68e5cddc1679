// The list of sources, as the server last sent it.
const list = element.querySelector(".source-list");
list.setAttribute("aria-label", WORDS.list);
const cards = new Map(); // by the id of the file
const waiting = new Map(); // by the id of what is being read

// A card that cannot be made leaves the others as they are, and can be removed.
function shown(data, i, all, page, reading) {
  const card = cards.get(data.id) ?? new Card((kind, value) => trigger("action", { file: data.id, kind, value }));
  cards.set(data.id, card);
  const ends = [i === 0, i === all.length - 1];
  try {
    card.show(data, ...ends, page?.file === data.id ? page : null, reading.some(({ file }) => file === data.id));
  } catch (error) {
    console.error(error);
    card.show({ name: "", alert: WORDS.broken }, ...ends, null, false);
  }
  return card.root;
}

function awaited(data) {
  const row = waiting.get(data.id) ?? new Waiting(() => trigger("action", { file: data.id, kind: "stop-reading" }));
  waiting.set(data.id, row);
  row.show(data);
  return row.root;
}

// The focus goes on near where it was, if what had it is gone.
function focusNear(field, card, at) {
  if (!card || field.isConnected) return;
  const root = card.root.isConnected ? card.root : list.children[Math.min(at, list.children.length - 1)];
  const next = root?.querySelector(root === card.root ? ".source-actions button" : ".file-fold");
  (next ?? list).focus({ preventScroll: true });
}

function read() {
  if (!props.value) return;
  const { sources, page, reading } = JSON.parse(props.value), field = document.activeElement;
  const used = [...cards.values()].find((card) => card.root.contains(field)), at = used ? [...list.children].indexOf(used.root) : 0;
  const roots = sources.map((data, i, all) => shown(data, i, all, page, reading));
  for (const [known, now] of [[cards, sources], [waiting, reading]]) {
    for (const id of known.keys()) if (!now.some((data) => data.id === id)) known.delete(id);
  }
  place(list, [...roots, ...reading.map(awaited)]);
  focusNear(field, used, at);
}

// Other parts of the page lead to a page of a source, and there to the characters from `start` up to `end`.
(element.closest("#source-list") ?? element).sources = {
  open(file, page, start = 0, end = 0) { cards.get(file)?.lookUp(page, start, end); },
};
watch("value", read);
read();
