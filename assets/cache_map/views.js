// What a map is made of, and what a person's hand on each part of it does.

/** Gives a map its pictures. @param {CacheMap} map */
function makeViews(map) {
  const { axis } = map;
  map.panel = new DocumentPanel(map.find("text"), {
    hovered: (position, event) => map.tip.show(event, position === null ? null : tokenTip(map, position)),
    scrolled: () => map.strip?.setRange(map.panel.visible()),
    picked: (sentence) => map.setSentence(sentence),
  });
  map.now = new Now(map.root, map.panel);
  map.written = new WrittenText(map.root);
  map.mix = new MixStrip(map.find("mix"), {
    hovered: (i, event) => map.tip.show(event, i === null ? null : `${nameOf(map.current.rows[i])}\n${mixture(map.current, i)}`),
    picked: (i) => map.pick(i, null),
  });
  map.strip = new PageStrip(map.find("pages"), axis, {
    hovered: (index, event) => map.tip.show(event, index === null ? null : map.strip.nameOf(index)),
    picked: (index) => map.goToPage(index),
  });
  map.heatmap = new Heatmap(map.find("heat"), axis, {
    hovered: (i, position, event) => map.tip.show(event, i === null ? null : rowTip(map.current, i, position)),
    picked: (i, position) => map.pick(i, position),
  });
  map.steps = new LayerSteps(map.find("steps"), {
    hovered: (layer, step, event) => map.tip.show(event, layer === null ? null : map.steps.nameOf(layer, step)),
    picked: (step) => map.pick(map.rowAtStep(step), null),
  });
}

/** Gives it its buttons, bars and keys. @param {CacheMap} map */
function makeControls(map) {
  map.player = new Player(map.root, {
    moved: (i) => map.move(i),
    begun: () => map.sections.rewind(),
    ended: () => map.sections.step(1, true),
  });
  map.sections = new Sections(map.find("series"), (run) => map.ask("turn", { run }));
  map.heldBar = new HeldBar(map.find("kept"), {
    went: (index) => map.goTo(/** @type {Held} */ (map.held).begin(index, map.current.doc)),
    closed: () => map.setHeld(null),
  });
  map.sentenceBar = new SentenceBar(map.find("sentence"), {
    went: (stretch) => map.written.show(map.current, [stretch], false),
    closed: () => map.setSentence(null),
  });
  for (const mode of MODES) map.find(`mode-${mode}`).addEventListener("click", () => map.setMode(mode));
  map.find("layer").addEventListener("change", () => {
    const { value } = map.find("layer");
    map.wanted = value === "" ? null : Number(value);
    map.ask("layer", { layer: map.wanted, run: map.current.id });
    map.render();
  });
  for (const name of ["heat", "steps"]) map.find(name).addEventListener("keydown", (event) => movedByKey(map, event, name));
}

/** @type {Record<string, number>} */
const ACROSS = { ArrowLeft: -1, ArrowRight: 1 };
/** @type {Record<string, number>} */
const DOWN = { ArrowUp: -1, ArrowDown: 1 };

/**
 * Arrows: up and down a refresh on the heatmap, left and right a place; on layers by steps all go by refresh.
 * @param {CacheMap} map @param {KeyboardEvent} event @param {string} name of the plot
 */
function movedByKey(map, event, name) {
  if (!map.run?.rows.length) return;
  const sideways = ACROSS[event.key];
  const along = DOWN[event.key] ?? (name === "steps" ? sideways : undefined);
  const last = map.run.rows.length - 1;
  if (along) map.pick(Math.max(0, Math.min(last, map.shown + along)), null);
  else if (sideways) {
    const to = map.position + sideways * Math.ceil(map.run.start.promptTokens / 40);
    map.pick(null, Math.max(0, Math.min(map.run.start.promptTokens - 1, to)));
  } else if (event.key === "Home") map.pick(0, null);
  else if (event.key === "End" || event.key === "Escape") map.pick(last, null);
  else return;
  event.preventDefault();
}
