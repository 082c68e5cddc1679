const WHOLE_REPLAY = 20000;
const [FASTEST, SLOWEST] = [60, 500];

/** The replay: a slider over the refreshes, play and pause, and a button that follows the newest. */
class Player {
  /** `moved(i | null)` asks for the `i`-th refresh, or with null for whatever is the newest. */
  constructor(root, { moved }) {
    const find = (name) => root.querySelector(`.ckm-${name}`);
    [this.slider, this.playing, this.live, this.which] = ["slider", "play", "live", "which"].map(find);
    this.moved = moved;
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

  /** `rows`: the refreshes; `at`: the index of the one shown; `live`: whether the newest is followed. */
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
    this.which.textContent = row
      ? T.which(count(row.number), count(last.number), count(row.step), T.reasons[row.reason] ?? row.reason)
      : "";
  }

  /** From the start if the newest is shown, else on from what is shown; at the newest it follows on. */
  play() {
    if (this.rows < 2) return;
    let next = this.at >= this.rows - 1 ? 0 : this.at + 1;
    const step = () => {
      if (next >= this.rows - 1) {
        this.pause();
        return this.moved(null);
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
