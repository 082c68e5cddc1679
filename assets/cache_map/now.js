/** The top of the map: what the model looks at, in words, and the document scrolled to it for as long as that is wanted. */
class Now {
  /** Whether the document is scrolled to the page that is looked at. */
  following = true;
  /** The page that it was last scrolled to. @type {number | null} */
  page = null;
  /** @type {MapRun | null} */
  run = null;
  /** The index of the refresh shown. */
  i = -1;

  /** @param {Template} root @param {DocumentPanel} panel */
  constructor(root, panel) {
    this.root = root;
    this.panel = panel;
    this.button = root.querySelector(".ckm-follow");
    this.button.addEventListener("click", () => this.setFollowing(true));
    const { scroll } = panel.view;
    for (const type of ["wheel", "touchmove", "pointerdown"]) scroll.addEventListener(type, () => this.setFollowing(false), { passive: true });
    scroll.addEventListener("keydown", (event) => {
      if (/^(Arrow|Page|Home$|End$| $)/.test(event.key)) this.setFollowing(false);
    });
  }

  /** @param {MapRun} run */
  open(run) {
    this.run = run;
    this.i = -1;
    this.page = null;
    this.setFollowing(true);
  }

  /** @param {boolean} on */
  setFollowing(on) {
    this.following = on;
    if (on) this.page = null;
    this.show();
    this.follow();
  }

  /** @param {number} i the index of the refresh shown */
  setRow(i) {
    this.i = i;
    this.show();
  }

  show() {
    const { run, i, root } = this;
    const begun = run?.rows.length ? run : null;
    const page = begun?.gaze.page(i) ?? null;
    this.button.hidden = page === null || (this.following && page === this.page);
    root.querySelector(".ckm-looking").textContent = begun && looked(begun, i);
    root.querySelector(".ckm-parts").hidden = !begun;
    const parts = root.querySelectorAll(".ckm-parts b");
    if (begun) partsOf(begun, i).forEach((words, kind) => (parts[kind].textContent = words));
    const away = root.querySelector(".ckm-away");
    const words = begun?.gaze.away(i) ? T.away(percent(begun.gaze.mix(i)[0]), spoken(begun.start.kind).wayBack) : "";
    away.hidden = !words;
    if (away.textContent !== words) away.textContent = words;
  }

  /** Scroll to what is looked at, when that is another page than before. */
  follow() {
    const { run, i } = this;
    if (!run || !this.following || run.gaze.away(i)) return;
    const page = run.gaze.page(i);
    if (page === null || page === this.page) return;
    this.page = page;
    this.panel.show(strongest(run, i, page), true);
    this.show();
  }
}

const LINE_TOKENS = 16;

/** Where on a page most is held: a prompt position. @param {MapRun} run @param {number} i @param {number} page */
function strongest({ doc, rows }, i, page) {
  const { levels } = rows[i];
  const from = doc.pages[page].position;
  const to = doc.pages[page + 1]?.position ?? doc.first + doc.tokens;
  let [best, most] = [from, 0];
  for (let start = from; start < to; start += LINE_TOKENS) {
    const sum = levels.subarray(start, Math.min(to, start + LINE_TOKENS)).reduce((total, level) => total + level, 0);
    if (sum > most) [best, most] = [start, sum];
  }
  return best;
}
