const SOON = 300, QUIET = 4000; // ms
const ASK_EVERY = 2000;
/** @type {Mode[]} */
const MODES = ["share", "changes", "passages"];

/** One map on a page: takes messages in any order, keeps the run they tell of, and draws it. */
class CacheMap {
  /** @type {DocumentPanel} */
  panel;
  /** @type {PageStrip} */
  strip;
  /** @type {Heatmap} */
  heatmap;
  /** @type {LayerSteps} */
  steps;
  /** @type {Player} */
  player;
  /** @type {HeldBar} */
  heldBar;
  /** @type {SentenceBar} */
  sentenceBar;
  /** @type {MixStrip} */
  mix;
  /** @type {Now} */
  now;
  /** @type {WrittenText} */
  written;
  /** @type {Sections} */
  sections;
  /** @type {MapRun | null} */
  run = null;
  /** @type {Held | null} */
  held = null;
  /** A message about a passage whose run is still to come. @type {Message | null} */
  waiting = null;
  /** A page that is to be shown instead of the next passage. @type {{ name: string, number: number } | null} */
  sought = null;
  /** @type {Mode} */
  mode = "share";
  /** The refresh shown, or null for the newest. @type {Row | null} */
  selected = null;
  /** The layer chosen, by its index; shown once its history is here. @type {number | null} */
  wanted = null;
  /** Of which run, and when, it was last asked. @type {string | null} */
  askedFor = null;
  asked = -Infinity;
  /** The place of the heatmap's keys, a prompt position. */
  position = 0;
  announcing = 0;
  soon = false;

  /** @param {Template} root @param {(name: string, data: object) => void} ask tells the other side of an event */
  constructor(root, ask) {
    this.root = root;
    this.ask = ask;
    this.axis = new Axis();
    this.tip = new Tip(root);
    writeLabels(root);
    makeViews(this);
    makeControls(this);
    this.followTheme();
    this.render();
  }

  /** A node of the template. @template {string} Name @param {Name} name @returns {Part<Name>} */
  find(name) {
    return this.root.querySelector(`.ckm-${name}`);
  }

  /** The run, where there must be one: what a person can do to it is offered only then. */
  get current() {
    return /** @type {MapRun} */ (this.run);
  }

  followTheme() {
    const apply = () => {
      const palette = readPalette(this.find("probe"));
      paintRamp(this.find("ramp"), palette);
      for (const view of [this.panel, this.strip, this.mix, this.heatmap, this.steps]) view.setPalette(palette);
    };
    apply();
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
    document.fonts.ready.then(() => this.panel.arrange());
  }

  /** A message as app/runs/feed.py describes it; what is already known is skipped. @param {Message} message */
  receive(message) {
    if (message.empty) return this.clear();
    if (message.start && message.run !== this.run?.id) this.open(message.run, message.start);
    const ours = this.run?.id === message.run ? this.run : null;
    if (ours?.add(message)) this.render(QUIET);
    if (!message.start && !this.selected && message.refresh?.length) this.now.follow();
    if (message.held) this.waiting = message;
    if (this.waiting?.held && this.waiting.run === this.run?.id) {
      this.setHeld(new Held(this.waiting.held, this.current.doc));
      this.waiting = null;
    }
    if (!ours || ours.lacks(message)) this.askAgain(message.run);
    if (ours?.rows.length && this.sections.awaits(ours.id)) this.player.playFrom(0);
  }

  /**
   * The page does not have all of a run: the browser drops a message that comes close before the next.
   * @param {string} run
   */
  askAgain(run) {
    if (run === this.askedFor && performance.now() - this.asked < ASK_EVERY) return;
    this.asked = performance.now();
    this.askedFor = run;
    this.ask("layer", { layer: this.wanted, run, missing: true });
  }

  /** @param {string} id @param {Start} start */
  open(id, start) {
    const same = JSON.stringify(start.layers) === JSON.stringify(this.run?.start.layers);
    this.run = new MapRun(id, start);
    if (!same) this.wanted = null;
    this.selected = null;
    this.find("words").textContent = ""; // said of another run
    this.player.pause();
    this.panel.setDocument(this.run.doc);
    this.strip.setDocument(this.run.doc);
    this.now.open(this.run);
    if (this.waiting?.run !== id) this.waiting = null;
    this.setHeld(null);
    this.setSentence(null);
    this.listLayers();
  }

  /** The page shows a project in which nothing has been written. */
  clear() {
    this.waiting = null;
    if (!this.run) return;
    this.open("", { pieces: [], documentStart: 0, pages: [], layers: [], heads: 1, slots: 0, promptTokens: 1, draftTokens: 0 });
    this.render();
    this.run = null;
    this.render();
  }

  listLayers() {
    const option = (/** @type {string} */ value, /** @type {string} */ text) => {
      const made = document.createElement("option");
      [made.value, made.textContent] = [value, text];
      return made;
    };
    const layers = this.current.start.layers.map((number, index) => option(`${index}`, T.oneLayer(number)));
    this.find("layer").replaceChildren(option("", T.allLayers), ...layers);
    this.find("layer").value = `${this.wanted ?? ""}`;
  }

  /** The index of the refresh shown: the selected one, else the newest, else -1. */
  get shown() {
    return this.selected ? this.current.rows.indexOf(this.selected) : (this.run?.rows.length ?? 0) - 1;
  }

  /** The layer shown, or null for all: the wanted one as soon as its history is here. */
  get layer() {
    return this.run?.layer?.index === this.wanted ? this.wanted : null;
  }

  render(silence = SOON) {
    const { run, shown, layer, mode, held } = this;
    const rows = run?.rows ?? [];
    const data = { run: run?.id, refreshes: rows.length, shown: rows[shown]?.number, layer, mode, live: !this.selected };
    for (const [name, value] of Object.entries(data)) this.root.dataset[name] = `${value ?? ""}`;
    for (const name of MODES) this.find(`mode-${name}`).setAttribute("aria-pressed", `${name === mode}`);
    this.find("mode-passages").hidden = !held?.marked;
    this.find("loading").hidden = this.wanted === layer || !rows.length;
    this.find("explanation").textContent = explain(run, shown, layer, mode);
    this.find("figures").textContent = figures(run, shown, layer);
    this.find("terms").textContent = run && termsOf(run);
    this.find("layers-hint").textContent = run && spoken(run.start.kind).layersHint;
    this.sections.show(run?.series ?? null);
    this.player.show(rows, shown, !this.selected);
    if (!run) return;
    const levels = run.levels(shown, layer);
    this.panel.setMarks({ mode, levels, before: run.levelsBefore(shown, layer), held });
    this.axis.setLengths(run.start.promptTokens, rows.reduce((most, row) => Math.max(most, row.context), 0));
    this.showPages(levels);
    this.now.setRow(shown);
    this.mix.setRows(run, shown);
    this.heatmap.setRows(run, shown, layer);
    this.steps.setSteps(run, shown, layer);
    this.announce(silence);
  }

  /** @param {Uint8Array | null} levels */
  showPages(levels) {
    const { current: run, strip } = this;
    const held = this.mode === "passages" ? this.held : null;
    const shares = held ? held.parts(run.doc) : levels ? run.pageShares(levels) : [];
    strip.setShares(shares, Math.max(0.1, ...shares), held ? null : run.gaze.page(this.shown));
    const most = strip.strongest;
    this.find("page-name").textContent = most < 0 ? "" : strip.nameOf(most);
  }

  /**
   * A screen reader is told the picture soon after what the person did, and that of a run when it brings no more.
   * @param {number} silence in ms
   */
  announce(silence) {
    if (this.soon && silence === QUIET) return;
    this.soon = silence === SOON;
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      this.soon = false;
      if (this.run) this.find("words").textContent = describe(this.run, this.shown, this.layer);
    }, silence);
  }

  /** Show the `i`-th refresh everywhere, or with null whatever is the newest. @param {number | null} i */
  move(i) {
    const { rows } = this.current;
    const row = i === null ? null : rows[i];
    this.selected = row === rows.at(-1) ? null : row;
    if (this.mode === "passages") this.mode = "share";
    this.setSentence(null);
    this.render();
    this.now.follow();
    if (this.selected) this.written.showMoment(this.current, this.shown);
  }

  /** @param {Mode} mode */
  setMode(mode) {
    this.mode = mode;
    this.render();
  }

  /**
   * Mark what was kept while a part of the draft was written, and go to the strongest passage; null ends that.
   * @param {Held | null} held
   */
  setHeld(held) {
    this.held = held;
    if (held?.marked) this.mode = "passages";
    else if (this.mode === "passages") this.mode = "share";
    if (held) this.setSentence(null);
    this.heldBar.show(held);
    this.render();
    const page = held ? this.soughtPage : -1;
    if (held) this.sought = null;
    if (page >= 0) this.strip.pick(page);
    else if (held?.marked) this.goTo(held.strongest);
  }

  /**
   * Lead to a page of a document, and once more when what was kept for a passage comes: perhaps of another run.
   * @param {string} name of the document @param {number} number of the page
   */
  seek(name, number) {
    this.sought = { name, number };
    if (this.soughtPage >= 0) this.strip.pick(this.soughtPage);
  }

  /** Its index, or -1 if there is none or the run has not read it. */
  get soughtPage() {
    const { sought } = this;
    return this.run?.doc.pages.findIndex((page) => page.name === sought?.name && Number(page.label) === sought.number) ?? -1;
  }

  /**
   * Mark a sentence of the document and what was written while it was in view; null ends that, and the replay's caret.
   * @param {Stretch | null} sentence
   */
  setSentence(sentence) {
    this.panel.setSentence(sentence);
    this.sentenceBar.hide();
    if (!sentence || !this.run?.rows.length) return this.written.clear();
    if (this.held) this.setHeld(null);
    this.player.pause();
    const stretches = writtenWhile(this.run, positionsOf(this.run.doc, sentence));
    this.panel.setSentence(sentence);
    this.sentenceBar.show(this.run, stretches, this.written.showStretches(this.run, stretches));
  }

  /** A place that the person wants to see. @param {number} position */
  goTo(position) {
    this.now.setFollowing(false);
    this.panel.show(position, true);
  }

  /** @param {number} index */
  goToPage(index) {
    this.goTo(this.current.doc.pages[index].position);
  }

  /** @param {number | null} i @param {number | null} position */
  pick(i, position) {
    this.player.pause();
    if (i !== null) this.move(i);
    if (position === null) return;
    this.position = position;
    this.now.setFollowing(false);
    this.panel.show(position, i === null);
  }

  /** @param {number} step */
  rowAtStep(step) {
    return Math.max(0, lastAtMost(this.current.rows, step, (row) => row.step));
  }
}

/** The words of the template, in the reader's language. @param {Template} root */
function writeLabels(root) {
  const word = (/** @type {string | undefined} */ label) => T[/** @type {Label} */ (label)];
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = word(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
}

/** @type {HTMLElement} */ (element.parentElement).style.padding = "0"; // gr.HTML(padding=False) only takes the outer one away
const map = new CacheMap(element.querySelector(".ckm-root"), trigger);
// Other parts of the page lead to a page of a document.
Object.assign(element.closest("#cache-map") ?? element, { map: { seek: map.seek.bind(map) } });
const incoming = new LogReader();
const update = () => {
  if (!props.value) return;
  if (!LogReader.reads(props.value)) map.receive(JSON.parse(props.value));
  else for (const part of incoming.added(props.value)) if (typeof part === "object" && part.kind !== "map") map.receive(part);
};
watch("value", update);
update();
