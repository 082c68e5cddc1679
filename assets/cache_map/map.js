const ANNOUNCE_EVERY = 3000;

/** One map on a page: takes values in any order, keeps the run they tell of, and draws it. */
class CacheMap {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`.ckm-${name}`);
    this.start = this.doc = this.selected = null;
    this.rows = [];
    this.announced = 0;
    this.panel = new DocumentPanel(this.find("text"), {
      hovered: (position, event) => this.tip(event, position === null ? null : this.tokenTip(position)),
      scrolled: () => this.timeline?.setRange(this.panel.visible()),
    });
    this.timeline = new Timeline(this.find("heat"), {
      hovered: (row, position, event) => this.tip(event, row && this.rowTip(row, position)),
      picked: (row, position) => this.pick(row, position),
    });
    this.find("latest").addEventListener("click", () => this.select(null));
    this.find("heat").addEventListener("keydown", (event) => this.key(event));
    this.followTheme();
    this.render();
  }

  followTheme() {
    const apply = () => {
      const palette = readPalette(this.find("probe"));
      paintRamp(this.find("ramp"), palette);
      this.panel.setPalette(palette);
      this.timeline.setPalette(palette);
    };
    apply();
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
    document.fonts.ready.then(() => this.panel.arrange());
  }

  /** A value as app/view.py describes it; refreshes of other runs and those already known are skipped. */
  receive(value) {
    if (value.start && value.start.run !== this.start?.run) this.open(value.start);
    const known = new Set(this.rows.map((row) => row.number));
    const fresh = (value.refresh ?? []).filter((row) => row.run === this.start?.run && !known.has(row.number));
    if (!fresh.length) return;
    this.rows = [...this.rows, ...fresh.map(readRefresh)].sort((a, b) => a.number - b.number);
    this.render();
  }

  open(start) {
    this.start = start;
    this.doc = readDocument(start);
    this.rows = [];
    this.selected = null;
    this.announced = 0;
    this.panel.setDocument(this.doc);
    this.timeline.setDocument(this.doc, start.promptTokens);
    this.render();
  }

  /** The refresh on the document: the selected one, else the latest, else none. */
  get shown() {
    return this.selected ?? this.rows.at(-1) ?? null;
  }

  render() {
    const row = this.shown;
    this.root.dataset.run = this.start?.run ?? "";
    this.root.dataset.refreshes = this.rows.length;
    this.root.dataset.shown = row?.number ?? "";
    this.find("explanation").textContent = explain(this.start, row);
    this.find("which").textContent = row ? `refresh ${count(row.number)} of ${count(this.rows.at(-1).number)}` : "";
    this.find("latest").hidden = this.selected === null;
    if (!this.start) return;
    this.panel.setLevels(row?.levels ?? null, this.rows[this.rows.indexOf(row) - 1]?.levels ?? null);
    this.timeline.setRows(this.rows, row);
    this.announce();
  }

  /** A screen reader is told the latest picture, but not ten times a second. */
  announce() {
    if (this.announcing) return;
    const wait = Math.max(0, this.announced + ANNOUNCE_EVERY - performance.now());
    this.announcing = setTimeout(() => {
      this.announcing = 0;
      this.announced = performance.now();
      this.find("words").textContent = describe(this.start, this.doc, this.shown);
    }, this.announced ? wait : 0);
  }

  /** Show `row` on the document, or with null whatever is the latest. */
  select(row) {
    this.selected = row === this.rows.at(-1) ? null : row;
    this.announced = 0;
    this.render();
  }

  pick(row, position) {
    if (row) this.select(row);
    this.position = position;
    this.panel.show(position, row !== null);
  }

  key(event) {
    const steps = { ArrowUp: -1, ArrowDown: 1 };
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (!this.shown) return;
    const index = this.rows.indexOf(this.shown);
    if (event.key in steps) this.select(this.rows[Math.max(0, index + steps[event.key])] ?? null);
    else if (event.key in moves) {
      const step = Math.ceil(this.start.promptTokens / 40);
      const to = (this.position ?? 0) + moves[event.key] * step;
      this.pick(null, Math.max(0, Math.min(this.start.promptTokens - 1, to)));
    } else if (event.key === "End" || event.key === "Escape") this.select(null);
    else return;
    event.preventDefault();
  }

  tokenTip(position) {
    const level = this.shown?.levels[position];
    const share = level === undefined ? "" : `\nheld by ${percent(level)} of the pairs`;
    return `${placeOf(this.doc, this.start, position)}\nposition ${count(position)}${share}`;
  }

  rowTip(row, position) {
    const lines = [nameOf(row), layersOf(row), `position ${count(position)}: ${placeOf(this.doc, this.start, position)}`];
    const token = position - this.doc.first;
    if (token >= 0 && token < this.doc.tokens) lines.push(this.excerpt(token));
    return lines.join("\n");
  }

  excerpt(token) {
    const from = this.doc.starts[token];
    return `“…${this.doc.text.slice(from, from + 60).replace(/\s+/g, " ").trim()}…”`;
  }

  tip(event, text) {
    const tip = this.find("tip");
    tip.hidden = !text || !this.start;
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

function readRefresh(row) {
  return { ...row, levels: Uint8Array.from(atob(row.kept), (character) => character.charCodeAt(0)), kept: null };
}

element.parentElement.style.padding = "0"; // gr.HTML(padding=False) only takes the outer one away
const map = new CacheMap(element.querySelector(".ckm-root"));
const update = () => props.value && map.receive(JSON.parse(props.value));
watch("value", update);
update();
