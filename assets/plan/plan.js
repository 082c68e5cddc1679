// What is read for the next text, as the server last sent it.
const root = element.querySelector(".reading-plan");
const act = (kind, value) => trigger(kind === "again" ? "again" : "action", { kind, value, division: shown?.division });
const strip = new Strip(reveal);
const automatic = make("button", "automatic", { type: "button", textContent: WORDS.automatic });
const body = make("div", "plan-groups");
const fold = make("details", "plan", {}, [make("summary", "", { textContent: WORDS.change }), body, automatic]);
let shown = null;
let groups = [];
automatic.addEventListener("click", () => act("automatic", ""));

// Open the list where a part is, and go there.
function reveal(id) {
  const group = groups.find(({ data }) => data.parts.some((part) => part.id === id));
  if (!group) return;
  fold.open = group.root.open = true;
  group.fill();
  const row = [...group.list.children].find(({ dataset }) => dataset.id === id);
  row?.querySelector("select").focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

function read() {
  shown = props.value ? JSON.parse(props.value) : null;
  place(root, shown ? [strip.root, fold] : []);
  if (!shown) return;
  strip.show(shown.groups);
  // A section stays open while it keeps its heading.
  const known = Map.groupBy(groups, ({ data }) => data.heading);
  groups = shown.groups.map((data) => {
    const group = known.get(data.heading)?.shift() ?? new Group(act);
    group.show(data, shown.states);
    return group;
  });
  place(body, groups.map((group) => group.root));
  automatic.hidden = !shown.changed;
}
watch("value", read);
read();
