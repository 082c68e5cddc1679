// The sentences without support: each leads to its place, and can be taken out or written again alone.
const root = element.querySelector(".support-root");
const count = root.querySelector(".support-count"), fold = root.querySelector("details"), list = root.querySelector("ul");
const draft = () => document.querySelector("#draft")?.draft;
const ACTIONS = {
  remove(sentence) { trigger("remove", { ...draft().state(), sentence }); },
  rewrite(sentence) {
    const start = draft().text().lastIndexOf(sentence);
    if (start >= 0) draft().rewrite(start, start + sentence.length);
  },
};

function button(className, text, label, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", className, textContent: text });
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function item([sentence, reason]) {
  const made = document.createElement("li");
  const go = button("go", sentence, "", () => document.querySelector("#preview")?.preview?.go(sentence));
  const why = Object.assign(document.createElement("em"), { textContent: reason });
  const actions = Object.entries(ACTIONS).map(([kind, act]) => button(kind, TEXT[kind], `${TEXT[kind]}: ${sentence}`, () => act(sentence)));
  made.append(go, why, ...actions);
  return made;
}

function read() {
  const { count: said = "", title = "", sentences = [] } = JSON.parse(props.value || "{}");
  root.hidden = !said;
  count.textContent = said;
  fold.hidden = !sentences.length;
  fold.querySelector("summary").textContent = title;
  const at = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...sentences.map(item));
  // The one that had the focus may be gone: its successor has it.
  if (at >= 0) ([...list.querySelectorAll("button")].at(Math.min(at, 3 * sentences.length - 1)) ?? fold.querySelector("summary")).focus();
}
watch("value", read);
read();
