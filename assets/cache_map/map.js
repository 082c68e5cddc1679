const SOON = 300, QUIET = 4000; // ms
const ASK_EVERY = 2000;
const MODES = ["share", "changes", "passages"];

/** One map on a page: takes messages in any order, keeps the run they tell of, and draws it. */
class CacheMap {
  /** `ask(name, data)` tells the other side of an event. */
  constructor(root, ask) {
    this.root = root;
    this.ask = ask;
    this.find = (name) => root.querySelector(`.ckm-${name}`);
    this.run = this.held = this.waiting = null; // waiting: a message about a passage whose run is still to come
    this.mode = "share";
    this.selected = null; // the refresh shown, a row, or null for the newest
    this.wanted = null; // the layer chosen, by its index; shown once its history is here
    this.asked = -Infinity;
    this.askedFor = null;
    writeLabels(root);
    this.makeViews();
    this.makeControls();
    this.followTheme();
    this.render();
  }

  makeViews() {
    const axis = (this.axis = new Axis());
    this.panel = new DocumentPanel(this.find("text"), {
      hovered: (position, event) => this.tip(event, position === null ? null : this.tokenTip(position)),
      scrolled: () => this.strip?.setRange(this.panel.visible()),
    });
    this.strip = new PageStrip(this.find("pages"), axis, {
      hovered: (index, event) => this.tip(event, index === null ? null : this.strip.nameOf(index)),
      picked: (index) => this.goToPage(index),
    });
    this.heatmap = new Heatmap(this.find("heat"), axis, {
      hovered: (i, position, event) => this.tip(event, i === null ? null : this.rowTip(this.run.rows[i], position)),
      picked: (i, position) => this.pick(i, position),
    });
    this.steps = new LayerSteps(this.find("steps"), {
      hovered: (layer, step, event) => this.tip(event, layer === null ? null : this.stepTip(layer, step)),
      picked: (step) => this.pick(this.rowAtStep(step), null),
    });
    this.views = [this.panel, this.strip, this.heatmap, this.steps];
  }

  makeControls() {
    this.player = new Player(this.root, { moved: (i) => this.move(i) });
    this.heldBar = new HeldBar(this.find("kept"), {
      went: (index) => this.panel.show(this.held.begin(index, this.run.doc), true),
      closed: () => this.setHeld(null),
    });
    for (const mode of MODES) this.find(`mode-${mode}`).addEventListener("click", () => this.setMode(mode));
    this.find("layer").addEventListener("change", (event) => {
      this.wanted = event.target.value === "" ? null : Number(event.target.value);
      this.ask("layer", { layer: this.wanted, run: this.run.id });
      this.render();
    });
    for (const name of ["heat", "steps"]) this.find(name).addEventListener("keydown", (event) => this.key(event, name));
  }

  followTheme() {
    const apply = () => {
      const palette = readPalette(this.find("probe"));
      paintRamp(this.find("ramp"), palette);
      for (const view of this.views) view.setPalette(palette);
    };
    apply();
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
    document.fonts.ready.then(() => this.panel.arrange());
  }

  /** A message as app/runs/feed.py describes it; what is already known is skipped. */
  receive(message) {
    if (message.empty) return this.clear();
    if (message.start && message.run !== this.run?.id) this.open(message.run, message.start);
    const ours = message.run === this.run?.id;
    if (ours && this.run.add(message)) this.render(QUIET);
    if (message.held) this.waiting = message;
    if (this.waiting && this.waiting.run === this.run?.id) {
      this.setHeld(new Held(this.waiting.held, this.run.doc));
      this.waiting = null;
    }
    if (!ours || this.run.lacks(message)) this.askAgain(message.run);
  }

  /** The page does not have all of a run: the browser drops a message that comes close before the next. */
  askAgain(run) {
    if (run === this.askedFor && performance.now() - this.asked < ASK_EVERY) return;
    this.asked = performance.now();
    this.askedFor = run;
    this.ask("layer", { layer: this.wanted, run, missing: true });
  }

  open(id, start) {
    const same = JSON.stringify(start.layers) === JSON.stringify(this.run?.start.layers);
    this.run = new MapRun(id, start);
    if (!same) this.wanted = null;
    this.selected = null;
    this.find("words").textContent = ""; // said of another run
    this.player.pause();
    this.panel.setDocument(this.run.doc);
    this.strip.setDocument(this.run.doc);
    if (this.waiting?.run !== id) this.waiting = null;
    this.setHeld(null);
    this.listLayers();
  }

  /** The page shows a project in which nothing has been written. */
  clear() {
    this.waiting = null;
    if (!this.run) return;
    this.open("", { pieces: [], documentStart: 0, pages: [], layers: [], heads: 1, slots: 0, promptTokens: 1 });
    this.render();
    this.run = null;
    this.render();
  }

  listLayers() {
    const option = (value, text) => {
      const made = document.createElement("option");
      [made.value, made.textContent] = [value, text];
      return made;
    };
    const layers = this.run.start.layers.map((number, index) => option(`${index}`, T.oneLayer(number)));
    this.find("layer").replaceChildren(option("", T.allLayers), ...layers);
    this.find("layer").value = this.wanted ?? "";
  }

  /** The index of the refresh shown: the selected one, else the newest, else -1. */
  get shown() {
    return this.selected ? this.run.rows.indexOf(this.selected) : (this.run?.rows.length ?? 0) - 1;
  }

  /** The layer shown, or null for all: the wanted one as soon as its history is here. */
  get layer() {
    return this.run?.layer?.index === this.wanted ? this.wanted : null;
  }

  render(silence = SOON) {
    const { run, shown, layer, mode, held } = this;
    const rows = run?.rows ?? [];
    const data = { run: run?.id, refreshes: rows.length, shown: rows[shown]?.number, layer, mode, live: !this.selected };
    for (const [name, value] of Object.entries(data)) this.root.dataset[name] = value ?? "";
    for (const name of MODES) this.find(`mode-${name}`).setAttribute("aria-pressed", `${name === mode}`);
    this.find("mode-passages").hidden = !held?.marked;
    this.find("loading").hidden = this.wanted === layer || !rows.length;
    this.find("explanation").textContent = explain(run, shown, layer, mode);
    this.player.show(rows, shown, !this.selected);
    if (!run) return;
    const levels = run.levels(shown, layer);
    this.panel.setMarks({ mode, levels, before: run.levelsBefore(shown, layer), held });
    this.axis.setLengths(run.start.promptTokens, rows.reduce((most, row) => Math.max(most, row.context), 0));
    this.showPages(levels);
    this.heatmap.setRows(run, shown, layer);
    this.steps.setSteps(run, shown, layer);
    this.announce(silence);
  }

  showPages(levels) {
    const { run, strip } = this;
    const passages = this.mode === "passages";
    const shares = passages ? this.held.parts(run.doc) : levels ? run.pageShares(levels) : [];
    strip.setShares(shares, Math.max(0.1, ...shares));
    const strongest = strip.strongest;
    this.find("page-name").textContent = strongest < 0 ? "" : strip.nameOf(strongest);
  }

  /** A screen reader is told the picture soon after what the person did, and that of a run when it brings no more. */
  announce(silence) {
    if (this.soon && silence === QUIET) return;
    this.soon = silence === SOON;
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      this.soon = false;
      if (this.run) this.find("words").textContent = describe(this.run, this.shown, this.layer);
    }, silence);
  }

  /** Show the `i`-th refresh everywhere, or with null whatever is the newest. */
  move(i) {
    const row = i === null ? null : this.run.rows[i];
    this.selected = row === this.run.rows.at(-1) ? null : row;
    if (this.mode === "passages") this.mode = "share";
    this.render();
  }

  setMode(mode) {
    this.mode = mode;
    this.render();
  }

  /** Mark what was kept while a part of the draft was written, and go to the strongest passage; null ends that. */
  setHeld(held) {
    this.held = held;
    if (held?.marked) this.mode = "passages";
    else if (this.mode === "passages") this.mode = "share";
    this.heldBar.show(held);
    this.render();
    if (held?.marked) this.panel.show(held.strongest, true);
  }

  goToPage(index) {
    this.panel.show(this.run.doc.pages[index].position, true);
  }

  pick(i, position) {
    this.player.pause();
    if (i !== null) this.move(i);
    if (position === null) return;
    this.position = position;
    this.panel.show(position, i === null);
  }

  rowAtStep(step) {
    return Math.max(0, lastAtMost(this.run.rows, step, (row) => row.step));
  }

  /** Arrows: up and down a refresh on the heatmap, left and right a place; on layers by steps all go by refresh. */
  key(event, name) {
    if (!this.run?.rows.length) return;
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const along = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? (name === "steps" ? sideways : undefined);
    const last = this.run.rows.length - 1;
    if (along) this.pick(Math.max(0, Math.min(last, this.shown + along)), null);
    else if (sideways) {
      const to = (this.position ?? 0) + sideways * Math.ceil(this.run.start.promptTokens / 40);
      this.pick(null, Math.max(0, Math.min(this.run.start.promptTokens - 1, to)));
    } else if (event.key === "Home") this.pick(0, null);
    else if (event.key === "End" || event.key === "Escape") this.pick(last, null);
    else return;
    event.preventDefault();
  }

  tokenTip(position) {
    const { run, shown, layer } = this;
    const lines = [placeOf(run, position), T.position(count(position))];
    const level = run.levels(shown, layer)?.[position];
    if (this.mode === "passages") {
      const token = position - run.doc.first;
      lines.push(T.heldBy(percent(this.held.shares[token])));
      if (this.held.similarities[token]) lines.push(T.similar(this.held.similarities[token]));
    }
    else if (level !== undefined) lines.push(T.heldBy(percent(level / 255)));
    const change = this.mode === "changes" && changeOf(level, run.levelsBefore(shown, layer)?.[position]);
    if (change) lines.push(T[change]);
    return lines.join("\n");
  }

  rowTip(row, position) {
    const { run } = this;
    const refreshed = T.refreshed(count(row.layers.length), row.layers.length === 1);
    const lines = [nameOf(row), refreshed, `${T.position(count(position))}: ${placeOf(run, position)}`];
    const token = position - run.doc.first;
    if (token >= 0 && token < run.doc.tokens) lines.push(excerpt(run.doc, token));
    return lines.join("\n");
  }

  stepTip(layer, step) {
    const { run, steps } = this;
    const full = run.isFull(layer, step, steps.refreshed.get(step));
    const { layers } = run.start;
    return `${T.step(count(step), layers[layer], full)}\n${T.fullOf(steps.fullAt(step), layers.length)}`;
  }

  tip(event, text) {
    const tip = this.find("tip");
    tip.hidden = !text;
    if (tip.hidden) return;
    tip.textContent = text;
    const box = this.root.getBoundingClientRect();
    const x = event.clientX - box.left + 14;
    const left = x + tip.offsetWidth > box.width ? x - tip.offsetWidth - 28 : x;
    tip.style.left = `${Math.max(0, left)}px`;
    const under = event.clientY + tip.offsetHeight + 24 < window.innerHeight;
    tip.style.top = `${event.clientY - box.top + (under ? 16 : -tip.offsetHeight - 12)}px`;
  }
}

/** The words of the template, in the reader's language. */
function writeLabels(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = T[element.dataset.text];
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", T[element.dataset.label]);
}

element.parentElement.style.padding = "0"; // gr.HTML(padding=False) only takes the outer one away
const map = new CacheMap(element.querySelector(".ckm-root"), (name, data) => trigger(name, data));
const incoming = new LogReader();
const update = () => {
  if (!props.value) return;
  if (!LogReader.reads(props.value)) map.receive(JSON.parse(props.value));
  else for (const part of incoming.added(props.value)) if (part.kind !== "map") map.receive(part);
};
watch("value", update);
update();
