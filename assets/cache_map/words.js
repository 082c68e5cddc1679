/** "Refresh 12, step 120, by stride": every place names a refresh in these words, as its method does. @param {Row} row */
function nameOf(row) {
  return spoken(row.kind).name(count(row.number), count(row.step), T.reasons[row.reason] ?? row.reason);
}

/** @param {MapRun} run @param {number} position */
function placeOf(run, position) {
  if (position >= run.start.promptTokens) return T.written;
  const { doc } = run;
  const inside = position >= doc.first && position < doc.first + doc.tokens;
  return inside ? (pageAt(doc, position)?.title ?? T.document) : T.outside;
}

/**
 * The legend's line for what the document shows.
 * @param {MapRun | null} run @param {number} i @param {number | null} layer @param {Mode} mode
 */
function explain(run, i, layer, mode) {
  if (!run) return T.empty;
  if (mode === "passages") return T.heldScale;
  if (!run.rows.length) return run.full.length > 1 ? T.noCache : T.reading;
  if (mode === "share") return T.shade;
  const { entered, left, stayed } = run.changes(i, layer);
  return T.changed(count(entered), count(left), count(stayed));
}

/** What its method does. @param {MapRun} run */
function termsOf({ start: { kind } }) {
  return kind === "full" ? T.noCache : spoken(kind).terms;
}

/** The technical figures of what is shown. @param {MapRun | null} run @param {number} i @param {number | null} layer */
function figures(run, i, layer) {
  const row = run?.rows[i];
  if (!row) return "";
  const { start, pairs } = run;
  const scale = layer === null ? T.scaleAll(count(pairs)) : T.scaleOne(start.layers[layer], start.heads);
  return `${scale} ${spoken(start.kind).size(count(Math.min(start.slots, row.context)), count(row.context))} ${T.sentence(nameOf(row))}`;
}

/** "Looking at page 12 of manual.pdf" @param {MapRun} run @param {number} i */
function looked(run, i) {
  if (!run.doc.tokens || run.gaze.away(i)) return T.lookingAtOwn;
  const page = run.doc.pages[run.gaze.page(i) ?? -1];
  return page ? T.lookingAt(page.label, page.name) : T.lookingAround;
}

/** "62% documents", "35% its own text", "3% instruction" @param {MapRun} run @param {number} i */
function partsOf(run, i) {
  const [document, own, instruction] = run.gaze.mix(i).map(percent);
  return [T.ofDocuments(document), T.ofOwn(own), T.ofInstruction(instruction)];
}

/** @param {MapRun} run @param {number} i */
function mixture(run, i) {
  return `${T.inView} ${partsOf(run, i).join(", ")}`;
}

/**
 * The same picture for those who do not see it: how many tokens are held, where most are, and what changed.
 * @param {MapRun} run @param {number} i @param {number | null} layer
 */
function describe(run, i, layer) {
  const { doc } = run;
  const levels = run.levels(i, layer);
  if (!levels) return T.none(count(doc.tokens));
  const held = levels.subarray(doc.first, doc.first + doc.tokens).reduce((sum, level) => sum + Number(level > 0), 0);
  const number = layer === null ? null : run.start.layers[layer];
  const words = [T.sentence(looked(run, i)), T.sentence(mixture(run, i)), T.described(nameOf(run.rows[i]), count(held), count(doc.tokens), number)];
  const shares = run.pageShares(levels);
  const best = shares.indexOf(Math.max(...shares));
  if (shares[best] > 0) words.push(T.most(doc.pages[best].title));
  const { entered, left, stayed } = run.changes(i, layer);
  words.push(T.changed(count(entered), count(left), count(stayed)));
  return words.join(" ");
}

/** @param {Doc} doc @param {number} token */
function excerpt(doc, token) {
  const from = doc.starts[token];
  return `“…${doc.text.slice(from, from + 60).replace(/\s+/g, " ").trim()}…”`;
}
