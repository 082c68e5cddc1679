/** What a page knows of one run: its document, refreshes and steps, and the history of one layer. */
class MapRun {
  /** @param {string} id @param {Start} start */
  constructor(id, start) {
    this.id = id;
    this.start = start;
    this.doc = readDocument(start);
    this.pairs = start.layers.length * start.heads;
    /** Refreshes that came, in order. @type {Row[]} */
    this.rows = [];
    /** How many layers attended to the whole context, by step. @type {number[]} */
    this.full = [];
    /** The one layer whose history is here, by the number of the refresh. @type {{ index: number, levels: Uint8Array[] } | null} */
    this.layer = null;
    this.promised = 0; // refreshes that the other side has
    /** What it wrote, and where in that the text of each step begins, and after the last. */
    this.text = "";
    this.starts = [0];
    /** The characters of the draft before it. */
    this.at = 0;
    /** Which of a text's sections it wrote. @type {Series | null} */
    this.series = null;
    this.gaze = new Gaze(this);
  }

  /** Take in what is new of a message; say whether that was anything. @param {Message} message */
  add(message) {
    this.promised = Math.max(this.promised, message.refreshes ?? 0);
    const series = message.series && JSON.stringify(message.series) !== JSON.stringify(this.series);
    if (series) this.series = message.series ?? null;
    return [series, this.addRefreshes(message.refresh ?? []), this.addSteps(message.steps), this.addLayer(message.layer)].some(Boolean);
  }

  /** @param {Refresh[]} refreshes */
  addRefreshes(refreshes) {
    const known = new Set(this.rows.map((row) => row.number));
    const fresh = refreshes.filter((row) => !known.has(row.number)).map((row) => readRefresh(row, this.start.kind));
    if (fresh.length) this.rows = [...this.rows, ...fresh].sort((a, b) => a.number - b.number);
    return fresh.length > 0;
  }

  /** @param {Steps | undefined} steps */
  addSteps(steps) {
    if (!steps || steps.first > this.full.length) return false;
    const fresh = steps.full.slice(this.full.length - steps.first);
    for (const text of steps.texts.slice(this.full.length - steps.first)) {
      this.text += text;
      this.starts.push(this.text.length);
    }
    this.full.push(...fresh);
    this.at = steps.at;
    return fresh.length > 0;
  }

  /** @param {LayerHistory | undefined} layer */
  addLayer(layer) {
    if (!layer) return false;
    if (layer.index !== this.layer?.index) this.layer = { index: layer.index, levels: [] };
    const { levels } = this.layer;
    layer.kept.forEach((kept, i) => (levels[layer.first + i] ??= readBytes(kept)));
    return true;
  }

  /** Whether a message before this one was lost. @param {Message} message */
  lacks(message) {
    const { rows, layer } = this;
    const latest = message.layer?.index === layer?.index ? layer?.levels : null;
    const holes = latest && Array.from(latest, (levels) => levels !== undefined).includes(false);
    return rows.length < this.promised || holes || (message.steps?.first ?? 0) > this.full.length;
  }

  /**
   * The bytes of the `i`-th row, for all layers or the one whose history is here; null if there are none.
   * @param {number} i @param {number | null} layer
   */
  levels(i, layer) {
    const row = this.rows[i];
    if (!row) return null;
    if (layer === null) return row.levels;
    return (this.layer?.index === layer && this.layer.levels[row.number]) || null;
  }

  /**
   * The bytes of the refresh before the `i`-th row: null where it did not come, none before the first.
   * @param {number} i @param {number | null} layer
   */
  levelsBefore(i, layer) {
    const row = this.rows[i];
    if (!row || row.number === 0) return EMPTY;
    return this.rows[i - 1]?.number === row.number - 1 ? this.levels(i - 1, layer) : null;
  }

  /**
   * How many of the document's tokens entered, left and stayed at the `i`-th row.
   * @param {number} i @param {number | null} layer
   */
  changes(i, layer) {
    const changed = { entered: 0, left: 0, stayed: 0 };
    const [now, before] = [this.levels(i, layer) ?? EMPTY, this.levelsBefore(i, layer) ?? EMPTY];
    const { first, tokens } = this.doc;
    for (let position = first; position < first + tokens; position++) {
      const change = changeOf(now[position], before[position]);
      if (change) changed[change]++;
    }
    return changed;
  }

  /**
   * The mean share of each page's tokens, 0 to 1; the marks between pages belong to the page before.
   * @param {Uint8Array} levels
   */
  pageShares(levels) {
    const { doc } = this;
    return doc.pages.map((page, i) => {
      const end = doc.pages[i + 1]?.position ?? doc.first + doc.tokens;
      let sum = 0;
      for (let position = page.position; position < end; position++) sum += levels[position];
      return sum / 255 / Math.max(1, end - page.position);
    });
  }

  /**
   * Whether the layer, by its index, attended to the whole context in the step, or the map shows what it read.
   * @param {number} layer @param {number} step @param {Set<number> | undefined} refreshed
   */
  isFilled(layer, step, refreshed) {
    return this.full[step] >= this.start.layers.length || (refreshed?.has(this.start.layers[layer]) ?? false);
  }

  /** The layers refreshed in each step, by step. */
  refreshedLayers() {
    return new Map(this.rows.map((row) => [row.step, new Set(row.layers)]));
  }
}

const EMPTY = new Uint8Array();

/**
 * Null for a token that is in no small cache before or after.
 * @param {number | undefined} now @param {number | undefined} before @returns {Change | null}
 */
function changeOf(now, before) {
  if (now) return before ? "stayed" : "entered";
  return before ? "left" : null;
}

/** @param {string} text in base64 */
function readBytes(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** @param {Refresh} row @param {Kind | undefined} kind @returns {Row} */
function readRefresh(row, kind) {
  const levels = readBytes(row.kept);
  return { ...row, kind, levels, context: levels.length, kept: null };
}
