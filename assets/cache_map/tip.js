/** What is under the pointer, in words beside it. */
class Tip {
  /** @param {Template} root */
  constructor(root) {
    this.root = root;
    this.box = root.querySelector(".ckm-tip");
  }

  /** @param {MouseEvent} event @param {string | null} text none hides it */
  show(event, text) {
    const { box } = this;
    box.hidden = !text;
    if (box.hidden) return;
    box.textContent = text;
    const around = this.root.getBoundingClientRect();
    const x = event.clientX - around.left + 14;
    const left = x + box.offsetWidth > around.width ? x - box.offsetWidth - 28 : x;
    box.style.left = `${Math.max(0, left)}px`;
    const under = event.clientY + box.offsetHeight + 24 < window.innerHeight;
    box.style.top = `${event.clientY - around.top + (under ? 16 : -box.offsetHeight - 12)}px`;
  }
}

/** Of a token of the document. @param {CacheMap} map @param {number} position */
function tokenTip({ current: run, shown, layer, mode, held }, position) {
  const lines = [placeOf(run, position), T.position(count(position))];
  const level = run.levels(shown, layer)?.[position];
  if (mode === "passages" && held) {
    const token = position - run.doc.first;
    lines.push(T.heldBy(percent(held.shares[token])));
    if (held.similarities[token]) lines.push(T.similar(held.similarities[token]));
  } else if (level !== undefined) lines.push(T.heldBy(percent(level / 255)));
  const change = mode === "changes" && changeOf(level, run.levelsBefore(shown, layer)?.[position]);
  if (change) lines.push(T[change]);
  return lines.join("\n");
}

/** Of a place in the `i`-th row of the heatmap. @param {MapRun} run @param {number} i @param {number} position */
function rowTip(run, i, position) {
  const row = run.rows[i];
  const refreshed = spoken(row.kind).layers(count(row.layers.length), row.layers.length === 1);
  const lines = [nameOf(row), refreshed, `${T.position(count(position))}: ${placeOf(run, position)}`];
  const token = position - run.doc.first;
  if (token >= 0 && token < run.doc.tokens) lines.push(excerpt(run.doc, token));
  return lines.join("\n");
}
