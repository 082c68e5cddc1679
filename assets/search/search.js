// A box that finds words in the documents. What is typed is looked for after a pause, and at once by Enter.
const root = element.querySelector(".search-root"), input = root.querySelector("input");
const said = root.querySelector(".search-said"), list = root.querySelector("ul");
const PAUSE_MS = 350;
let timer = 0, asked = "";

root.querySelector("label span").textContent = TEXT.search;
root.setAttribute("aria-label", TEXT.search);
list.setAttribute("aria-label", TEXT.hits);

function ask() {
  clearTimeout(timer);
  const query = input.value.trim();
  asked = query;
  if (query) trigger("search", { query });
  else show({ said: "", hits: [] });
}
input.addEventListener("input", (event) => {
  clearTimeout(timer);
  if (!event.isComposing) timer = setTimeout(ask, input.value.trim() ? PAUSE_MS : 0);
});
input.addEventListener("compositionend", () => { clearTimeout(timer); timer = setTimeout(ask, PAUSE_MS); });
input.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter") ask();
  if (event.key === "Escape" && input.value) { event.preventDefault(); input.value = ""; ask(); }
});

function show({ said: words, hits }) {
  said.textContent = words;
  list.hidden = !hits.length;
  list.replaceChildren(...hits.map(item));
}

function item({ file, page, start, end, place, snippet: [before, words, after] }) {
  const made = document.createElement("li"), button = Object.assign(document.createElement("button"), { type: "button" });
  const where = Object.assign(document.createElement("span"), { className: "search-place", textContent: place });
  const mark = Object.assign(document.createElement("mark"), { textContent: words });
  const text = document.createElement("span");
  text.append(before, mark, after);
  button.append(where, text);
  button.addEventListener("click", () => document.querySelector("#source-list")?.sources?.open(file, page, start, end));
  made.append(button);
  return made;
}

// An answer to what is not looked for any more is passed over.
function read() {
  const message = props.value && JSON.parse(props.value);
  if (message && message.query === asked) show(message);
}
watch("value", read);
read();
