const REASONS = {
  prefill: "after the prompt",
  stride: "by stride",
  similarity: "by similarity",
  rebuild: "rebuilt after an edit",
};

function count(number) {
  return number.toLocaleString("en-US");
}

function percent(level) {
  return `${Math.round((100 * level) / 255)}%`;
}

/** "Refresh 12, step 120, by stride": every place names a refresh in these words. */
function nameOf(row) {
  return `Refresh ${count(row.number)}, step ${count(row.step)}, ${REASONS[row.reason] ?? row.reason}`;
}

function layersOf(row) {
  return `${count(row.layers)} ${row.layers === 1 ? "layer" : "layers"} refreshed`;
}

function placeOf(doc, start, position) {
  if (position >= start.promptTokens) return "generated text";
  const inside = position >= doc.first && position < doc.first + doc.tokens;
  return inside ? (pageAt(doc, position)?.title ?? "document") : "instructions around the document";
}

/** The legend's line. */
function explain(start, row) {
  if (!start) return "The map appears once a run has read its document.";
  const scale = `Shade: share of the ${count(start.pairs)} (layer, KV head) pairs whose small cache holds the token.`;
  if (!row) return `${scale} No token is chosen yet: the prompt is being read.`;
  return `${scale} Underlined: new to it. Small cache: ${count(start.slots)} of ${count(row.context)} tokens. ${nameOf(row)}.`;
}

/** The same picture for those who do not see it: how many tokens are held, and where most of them are. */
function describe(start, doc, row) {
  if (!row) return `${count(doc.tokens)} document tokens, none in the small cache yet.`;
  const levels = row.levels.subarray(doc.first, doc.first + doc.tokens);
  const held = levels.reduce((sum, level) => sum + (level > 0), 0);
  const text = `${nameOf(row)}: ${count(held)} of ${count(doc.tokens)} document tokens are in at least one small cache.`;
  const best = doc.pages
    .map((page, i) => {
      const part = row.levels.subarray(page.position, doc.pages[i + 1]?.position ?? doc.first + doc.tokens);
      return { title: page.title, mean: part.reduce((sum, level) => sum + level, 0) / Math.max(1, part.length) };
    })
    .reduce((most, page) => (page.mean > most.mean ? page : most), { mean: 0 });
  return best.title ? `${text} Most are on ${best.title}.` : text;
}
