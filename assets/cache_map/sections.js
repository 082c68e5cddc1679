/** Of a text in sections: which one is shown, the way to the others, and a replay that goes on from one to the next. */
class Sections {
  /** The run in which a replay is to go on. @type {string | null} */
  onward = null;

  /** @param {Template} root @param {(run: string) => void} turned asks for another section's run */
  constructor(root, turned) {
    this.root = root;
    this.turned = turned;
    /** @type {Series | null} */
    this.series = null;
    this.earlier = root.querySelector(".ckm-earlier");
    this.later = root.querySelector(".ckm-later");
    this.earlier.addEventListener("click", () => this.step(-1, false));
    this.later.addEventListener("click", () => this.step(1, false));
  }

  /** @param {Series | null} series */
  show(series) {
    this.series = series;
    this.root.hidden = !series;
    if (!series) return;
    const [number, total, title] = series.place;
    this.root.querySelector(".ckm-section").textContent = T.section(count(number), count(total), title);
    this.earlier.disabled = series.at === 0;
    this.later.disabled = series.at === series.runs.length - 1;
  }

  /** To the first one, to be played from there. Says whether that is another than is shown. */
  rewind() {
    return this.step(-(this.series?.at ?? 0), true);
  }

  /** To the next or the one before. Says whether there is one. @param {number} step @param {boolean} playing whether a replay goes on there */
  step(step, playing) {
    const run = step ? this.series?.runs[this.series.at + step] : undefined;
    if (!run) return false;
    this.onward = playing ? run : null;
    this.turned(run);
    return true;
  }

  /** Whether a replay waits for this run, which then is here. @param {string} run */
  awaits(run) {
    if (this.onward !== run) return false;
    this.onward = null;
    return true;
  }
}
