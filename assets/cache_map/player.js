const WHOLE_REPLAY = 20000;
const [FASTEST, SLOWEST] = [60, 500];

/** The replay: a slider over the refreshes, play and pause, and a button that follows the newest. */
class Player {
  /**
   * `moved` asks for the `i`-th refresh, or with null for whatever is the newest. `begun` and `ended` say whether the
   * replay begins, or goes on, in another section.
   * @param {Template} root @param {{ moved: (i: number | null) => void, begun: () => boolean, ended: () => boolean }} told
   */
  constructor(root, { moved, begun, ended }) {
    this.slider = root.querySelector(".ckm-slider");
    this.playing = root.querySelector(".ckm-play");
    this.live = root.querySelector(".ckm-live");
    this.which = root.querySelector(".ckm-which");
    this.moved = moved;
    this.begun = begun;
    this.ended = ended;
    this.timer = 0;
    this.rows = 0;
    this.at = -1;
    this.slider.addEventListener("input", () => {
      this.pause();
      moved(Number(this.slider.value));
    });
    this.playing.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    this.live.addEventListener("click", () => {
      this.pause();
      moved(null);
    });
    this.label();
  }

  /**
   * @param {Row[]} rows @param {number} at the index of the one shown
   * @param {boolean} live whether the newest is followed
   */
  show(rows, at, live) {
    [this.rows, this.at] = [rows.length, at];
    const row = rows[at];
    this.slider.max = `${Math.max(0, rows.length - 1)}`;
    this.slider.value = `${Math.max(0, at)}`;
    this.slider.disabled = this.playing.disabled = rows.length < 2;
    this.slider.setAttribute("aria-valuetext", row ? nameOf(row) : "");
    this.live.disabled = !rows.length;
    this.live.setAttribute("aria-pressed", `${live}`);
    const last = rows.at(-1);
    this.which.textContent = row && last
      ? T.which(count(row.number), count(last.number), count(row.step))
      : "";
    this.which.title = row ? nameOf(row) : "";
  }

  /** From the start if the newest is shown, else on from what is shown; at the newest it follows on. */
  play() {
    if (this.rows < 2) return;
    if (this.at >= this.rows - 1 && this.begun()) return;
    this.playFrom(this.at >= this.rows - 1 ? 0 : this.at + 1);
  }

  /** @param {number} next */
  playFrom(next) {
    const step = () => {
      if (next >= this.rows - 1) {
        this.pause();
        this.moved(null);
        return void this.ended();
      }
      this.timer = setTimeout(step, Math.max(FASTEST, Math.min(SLOWEST, WHOLE_REPLAY / this.rows)));
      this.moved(next);
      next = this.at + 1;
    };
    step();
    this.label();
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.label();
  }

  label() {
    const words = this.timer ? T.pause : T.play;
    this.playing.setAttribute("aria-label", words);
    this.playing.title = words;
    this.playing.classList.toggle("ckm-on", this.timer !== 0);
  }
}
