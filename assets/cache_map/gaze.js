const RECENT = 3;
const LEAST_DOCUMENT = 0.25;
const LEAD = 1.1;

/**
 * What the model looks at, refresh by refresh: which parts of the small caches are the documents', its own text and the
 * instruction, and the page. docs/method.md says why these measures. Each refresh is counted once.
 */
class Gaze {
  /** @param {MapRun} run */
  constructor(run) {
    this.run = run;
    /** @type {Map<Row, Look>} */
    this.looks = new Map();
    this.begin();
  }

  begin() {
    /** The refreshes whose page is known, in order. @type {Row[]} */
    this.order = [];
    /** The page of each. @type {number[]} */
    this.pages = [];
    /** The sums of their pages' parts. @type {number[]} */
    this.sums = this.run.doc.pages.map(() => 0);
  }

  /** @param {number} i @returns {Look} */
  at(i) {
    const row = this.run.rows[i];
    const look = this.looks.get(row) ?? this.count(row);
    this.looks.set(row, look);
    return look;
  }

  /** @param {Row} row @returns {Look} */
  count({ levels }) {
    const { doc, start } = this.run;
    const sum = (/** @type {number} */ from, /** @type {number} */ to) => {
      let total = 0;
      for (let position = from; position < to; position++) total += levels[position];
      return total;
    };
    const [all, document] = [sum(0, levels.length), sum(doc.first, doc.first + doc.tokens)];
    const own = sum(start.promptTokens - start.draftTokens, levels.length);
    const held = [document, own, all - document - own];
    const shares = this.run.pageShares(levels);
    const whole = shares.reduce((total, share) => total + share, 0) || 1;
    return { mix: held.map((part) => part / (all || 1)), parts: shares.map((share) => share / whole) };
  }

  /** The last few refreshes up to the `i`-th: one alone is of a few words. @param {number} i */
  recent(i) {
    return Array.from({ length: Math.min(RECENT, i + 1) }, (_, back) => this.at(i - back));
  }

  /** The parts of the documents, of its own text and of the instruction, 0 to 1. @param {number} i @returns {Mix} */
  mix(i) {
    const [document, own, instruction] = means(this.recent(i).map(({ mix }) => mix));
    return [document, own, instruction];
  }

  /**
   * Whether hardly anything of the documents is in view any more: less than a quarter of the small caches, and less than
   * even caches of the whole text would have, since a short document is no more than that.
   * @param {number} i
   */
  away(i) {
    const { doc, rows } = this.run;
    return i >= 0 && doc.tokens > 0 && this.mix(i)[0] < Math.min(LEAST_DOCUMENT, doc.tokens / rows[i].context);
  }

  /**
   * The page that the model looks at at the `i`-th refresh; null for the first few, which there is nothing to compare with.
   *
   * The page whose part of the last refreshes is the most times its mean since the run began; the page before stays until
   * another leads by a tenth.
   * @param {number} i
   */
  page(i) {
    if (i < RECENT || !this.run.doc.pages.length) return null;
    const { rows } = this.run;
    if (rows[this.order.length - 1] !== this.order.at(-1)) this.begin(); // one that was missing came between
    for (let next = this.order.length; next <= i; next++) this.follow(next);
    return this.pages[i];
  }

  /** @param {number} i */
  follow(i) {
    this.at(i).parts.forEach((part, page) => (this.sums[page] += part));
    const ratios = means(this.recent(i).map(({ parts }) => parts)).map((part, page) => (part * (i + 1)) / (this.sums[page] || 1));
    const best = ratios.indexOf(Math.max(...ratios));
    const before = this.pages[i - 1] ?? best;
    this.order.push(this.run.rows[i]);
    this.pages.push(ratios[best] >= LEAD * ratios[before] ? best : before);
  }
}

/** The mean of each column. @param {number[][]} rows */
function means(rows) {
  return rows[0].map((_, column) => rows.reduce((sum, row) => sum + row[column], 0) / rows.length);
}
