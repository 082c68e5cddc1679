const LEAST_HELD = 0.25;
const TIMES_USUAL = 2;
const SENTENCES = new Intl.Segmenter(LANGUAGE, { granularity: "sentence" });

/** Where the sentences and lines of a text are, without the blanks around them. @param {string} text @returns {Stretch[]} */
function sentencesOf(text) {
  return Array.from(SENTENCES.segment(text), ({ index, segment }) => /** @type {Stretch} */ (
    [index + segment.length - segment.trimStart().length, index + segment.trimEnd().length]
  )).filter(([from, to]) => from < to);
}

/** The sentence of the document around a character; null between two. @param {Doc} doc @param {number} offset @returns {Stretch | null} */
function sentenceAt(doc, offset) {
  const page = lastAtMost(doc.pages, offset, (item) => item.offset);
  const from = Math.max(doc.text.lastIndexOf("\n\n", offset - 1), doc.pages[page]?.offset ?? 0);
  const to = Math.min(...[doc.text.indexOf("\n\n", offset), doc.pages[page + 1]?.offset ?? doc.text.length].filter((end) => end >= 0));
  const paragraph = doc.text.slice(from, to).replaceAll("\n", " "); // a line of a page is no sentence
  const inside = sentencesOf(paragraph).find(([a, b]) => from + a <= offset && offset < from + b);
  return inside ? [from + inside[0], from + inside[1]] : null;
}

/** The tokens that have a character of a stretch of the document. @param {Doc} doc @param {Stretch} stretch @returns {Stretch} prompt positions */
function positionsOf(doc, [from, to]) {
  return [doc.first + tokenAt(doc, from), doc.first + tokenAt(doc, to - 1) + 1];
}

/** The characters that the run wrote from the `i`-th refresh to the next. @param {MapRun} run @param {number} i @returns {Stretch} */
function writtenAt(run, i) {
  const start = (/** @type {number | undefined} */ step) => run.starts[Math.min(step ?? Infinity, run.starts.length - 1)];
  return [start(run.rows[i].step), start(run.rows[i + 1]?.step)];
}

/**
 * The characters that the run wrote while it had these prompt positions in view: from refreshes on that held a quarter of
 * them, on the mean, or twice as much as the run did usually. docs/method.md says why.
 * @param {MapRun} run @param {Stretch} positions @returns {Stretch[]}
 */
function writtenWhile(run, [first, end]) {
  const held = run.rows.map(({ levels }) => levels.subarray(first, end).reduce((sum, level) => sum + level, 0) / 255 / (end - first));
  const usual = held.reduce((sum, share) => sum + share, 0) / Math.max(1, held.length);
  /** @type {Stretch[]} */
  const stretches = [];
  held.forEach((share, i) => {
    if (!share || (share < LEAST_HELD && share < TIMES_USUAL * usual)) return;
    const [from, to] = writtenAt(run, i);
    const last = stretches.at(-1);
    if (last?.[1] === from) last[1] = to;
    else if (from < to) stretches.push([from, to]);
  });
  return stretches;
}

/**
 * Where a stretch of what a run wrote stands in a draft that may have been edited since: as one if the run's text is still
 * there as a whole, else what of it is in sentences that are.
 * @param {string} draft @param {string} text of the run @param {Stretch} stretch
 * @param {number} begin where the text began in the draft: of several places the nearest counts @returns {Stretch[]}
 */
function placesIn(draft, text, [from, to], begin) {
  const [lead, end] = [text.length - text.trimStart().length, text.trimEnd().length];
  const within = (/** @type {number} */ at) => Math.max(lead, Math.min(at, end)) - lead;
  const whole = nearest(draft, text.slice(lead, end), begin + lead);
  if (whole !== null) return [[whole + within(from), whole + within(to)]];
  const first = text.lastIndexOf("\n", from - 1) + 1; // a line's end is a sentence's
  const last = text.indexOf("\n", to);
  return sentencesOf(text.slice(first, last < 0 ? text.length : last)).flatMap(([a, b]) => {
    const [start, stop] = [Math.max(from, first + a), Math.min(to, first + b)];
    const at = start < stop ? nearest(draft, text.slice(first + a, first + b), begin + first + a) : null;
    return at === null ? [] : [/** @type {Stretch} */ ([at + start - first - a, at + stop - first - a])];
  });
}

/** Where `part` stands in `text`, of several places the nearest to `wanted`. @param {string} text @param {string} part @param {number} wanted */
function nearest(text, part, wanted) {
  if (!part) return null;
  const [before, after] = [text.lastIndexOf(part, wanted), text.indexOf(part, wanted)];
  if (before < 0 || after < 0) return before < 0 && after < 0 ? null : Math.max(before, after);
  return wanted - before <= after - wanted ? before : after;
}
