const LINE_HEIGHT = 23;
const BLANK_HEIGHT = 12;
const DIVIDER_HEIGHT = 40;
const MOST_BLANK_LINES = 2;

/** What is never broken inside: the end of a paragraph, white space, one ideograph or kana, or a run of anything else. */
const UNIT =
  /\n|[^\S\n]+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu;

/** The document's text, where each token starts in it, and where each page does. @param {Start} start @returns {Doc} */
function readDocument(start) {
  const starts = new Int32Array(start.pieces.length + 1);
  start.pieces.forEach((piece, token) => (starts[token + 1] = starts[token] + piece.length));
  const offsetOf = (/** @type {number} */ position) =>
    starts[Math.max(0, Math.min(position - start.documentStart, start.pieces.length))];
  return {
    text: start.pieces.join(""),
    starts,
    first: start.documentStart,
    tokens: start.pieces.length,
    pages: start.pages.map(([position, label, title, name]) => (
      { position, label, title: T.titled(title, name, label), name, offset: offsetOf(position) }
    )),
  };
}

/**
 * The last index whose value is at most `value` in ascending `values`, or -1.
 * @template Item @param {ArrayLike<Item>} values @param {number} value @param {(item: Item) => number} read
 */
function lastAtMost(values, value, read, length = values.length) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (read(values[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The token that holds the character at `offset`. @param {Doc} doc @param {number} offset */
function tokenAt(doc, offset) {
  return lastAtMost(doc.starts, offset, (start) => start, doc.tokens);
}

/** The page of a prompt position, or null before the first. @param {Doc} doc @param {number} position */
function pageAt(doc, position) {
  return doc.pages[lastAtMost(doc.pages, position, (page) => page.position)] ?? null;
}

/**
 * A text divided into units, measured. That depends on no width, so that laying it out for another is quick.
 * @param {string} text @param {(text: string) => number} measure @returns {Units}
 */
function unitsOf(text, measure) {
  /** @type {Map<string, number>} */
  const known = new Map();
  /** @type {number[]} */ const starts = [];
  /** @type {number[]} */ const widths = [];
  /** @type {number[]} */ const blank = [];
  for (const { 0: unit, index } of text.matchAll(UNIT)) {
    let wide = known.get(unit);
    if (wide === undefined) known.set(unit, (wide = measure(unit)));
    starts.push(index);
    widths.push(wide);
    blank.push(unit.trim() ? 0 : 1);
  }
  starts.push(text.length);
  return { starts: Int32Array.from(starts), widths: Float64Array.from(widths), blank: Uint8Array.from(blank), measure };
}

/**
 * The text in lines.
 * @param {Doc} doc @param {Units} units of its text @param {number} width in pixels
 */
function layOut(doc, units, width) {
  /** @type {Line[]} */
  const lines = [];
  let y = 0;
  /** @param {number} from @param {number} to @param {number} height @param {string | null} title */
  const push = (from, to, height, title = null) => {
    lines.push({ from, to, y, height, title });
    y += height;
  };
  const ends = [...doc.pages.map((page) => page.offset), doc.text.length];
  /** @param {number} from @param {number} to */
  const section = (from, to) => {
    let blank = MOST_BLANK_LINES; // none directly under a divider
    for (const [start, end] of paragraphs(doc.text, from, to)) {
      const written = start + doc.text.slice(start, end).trimEnd().length;
      if (written > start) {
        for (const [a, b] of wrap(doc.text, units, start, written, width)) push(a, b, LINE_HEIGHT);
        blank = 0;
      } else if (blank++ < MOST_BLANK_LINES) push(start, end, BLANK_HEIGHT);
    }
  };
  section(0, ends[0]);
  doc.pages.forEach((page, i) => {
    push(page.offset, page.offset, DIVIDER_HEIGHT, page.title);
    section(page.offset, ends[i + 1]);
  });
  return { lines, height: y };
}

/** @param {string} text @param {number} from @param {number} to @returns {Generator<[from: number, to: number]>} */
function* paragraphs(text, from, to) {
  while (from < to) {
    const found = text.indexOf("\n", from);
    const end = found < 0 || found > to ? to : found;
    yield [from, end];
    from = end + 1;
  }
}

/**
 * Break one paragraph greedily; white space may hang over the right edge.
 * @param {string} text @param {Units} units of the whole text @param {number} from @param {number} to
 * @param {number} width @returns {Generator<[from: number, to: number]>}
 */
function* wrap(text, { starts, widths, blank, measure }, from, to, width) {
  let start = from;
  let x = 0;
  for (let unit = lastAtMost(starts, from, (at) => at); unit < widths.length && starts[unit] < to; unit++) {
    const [at, end] = [Math.max(starts[unit], from), Math.min(starts[unit + 1], to)];
    const whole = at === starts[unit] && end === starts[unit + 1];
    const wide = whole ? widths[unit] : measure(text.slice(at, end));
    if (!blank[unit] && x > 0 && x + wide > width) {
      yield [start, at];
      start = at;
      x = 0;
    }
    if (blank[unit] || wide <= width) x += wide;
    else {
      let offset = at;
      for (const character of text.slice(at, end)) {
        const step = measure(character);
        if (x > 0 && x + step > width) {
          yield [start, offset];
          start = offset;
          x = 0;
        }
        x += step;
        offset += character.length;
      }
    }
  }
  if (start < to) yield [start, to];
}
