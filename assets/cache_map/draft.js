/** @returns {Draft | undefined} the editor of the same page, if it has one */
const draftOf = () => /** @type {{ draft?: Draft } & Element | null} */ (document.querySelector("#draft"))?.draft;
const AROUND = 90;

/** What a run wrote, shown where it stands: in the draft, as far as it is there still, and in a line of the map. */
class WrittenText {
  /** @param {Template} root */
  constructor(root) {
    this.line = root.querySelector(".ckm-written");
  }

  /** What was being written at the `i`-th refresh: a caret at its first word, and the words up to the next refresh. @param {MapRun} run @param {number} i */
  showMoment(run, i) {
    const stretch = writtenAt(run, i);
    const { text } = run;
    const mark = document.createElement("mark");
    mark.textContent = text.slice(...stretch);
    const before = text.slice(Math.max(0, stretch[0] - AROUND), stretch[0]);
    this.line.replaceChildren(before, mark, text.slice(stretch[1], stretch[1] + AROUND));
    this.line.hidden = !text;
    this.show(run, [stretch], true);
  }

  /** Several stretches of it. Returns how many of them the draft has, null where there is no draft. @param {MapRun} run @param {Stretch[]} stretches */
  showStretches(run, stretches) {
    this.line.hidden = true;
    return this.show(run, stretches, false);
  }

  /** @param {MapRun} run @param {Stretch[]} stretches @param {boolean} caret */
  show(run, stretches, caret) {
    const draft = draftOf();
    if (!draft) return null;
    const places = stretches.map((stretch) => placesIn(draft.text(), run.text, stretch, run.at));
    draft.mark(places.flat(), caret);
    return places.filter((found) => found.length).length;
  }

  clear() {
    this.line.hidden = true;
    draftOf()?.mark([], false);
  }
}

/** The bar over the document: what was written while a sentence of it was in view, as buttons that lead there. */
class SentenceBar {
  /** @param {Template} root @param {{ went: (stretch: Stretch) => void, closed: () => void }} told */
  constructor(root, { went, closed }) {
    this.root = root;
    this.summary = root.querySelector(".ckm-sentence-summary");
    this.list = root.querySelector(".ckm-sentence-texts");
    this.went = went;
    root.querySelector(".ckm-sentence-close").addEventListener("click", closed);
  }

  hide() {
    this.root.hidden = true;
  }

  /**
   * `found`: how many of the stretches stand in the draft, null where there is none.
   * @param {MapRun} run @param {Stretch[]} stretches @param {number | null} found
   */
  show(run, stretches, found) {
    const words = [stretches.length ? T.writtenWhile(count(stretches.length), stretches.length === 1) : T.writtenNever];
    const gone = found === null ? 0 : stretches.length - found;
    if (gone) words.push(T.gone(count(gone), gone === 1));
    this.summary.textContent = words.join(" ");
    this.list.replaceChildren(...stretches.slice(0, MOST_CHIPS).map((stretch) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "ckm-chip";
      const text = run.text.slice(...stretch).replace(/\s+/g, " ").trim();
      button.textContent = text.length > 48 ? `${text.slice(0, 46)}…` : text;
      button.title = text;
      button.addEventListener("click", () => this.went(stretch));
      return button;
    }));
    this.root.hidden = false;
  }
}
