// The text of a source as it was read, a page at a time: each page is asked for when it is wanted.
class Reader {
  // `ask(number)` asks for a page.
  constructor(ask) {
    this.ask = ask;
    this.wanted = 1;
    this.place = null;
    this.asking = false;
    this.fold = new Fold("text-fold", [make("span", "", { textContent: WORDS.text })], (on) => on && this.want(this.wanted));
    this.slider = make("input", "", { type: "range", min: 1, step: 1, value: 1 });
    this.label = make("output");
    this.number = make("label", "page-number", {}, [make("span", "", { textContent: WORDS.page }), this.slider]);
    this.area = make("textarea", "", { readOnly: true, rows: 8 });
    this.choice = make("div", "page-choice", {}, [this.number, this.label]);
    this.fold.body.append(this.choice, make("div", "page-text", {}, [this.area]));
    this.root = make("div", "source-text", {}, [this.fold.toggle, this.fold.body]);
    this.slider.addEventListener("input", () => this.want(Number(this.slider.value)));
  }
  want(number) {
    this.wanted = number;
    setText(this.label, String(number));
    if (!this.asking) this.request();
  }
  // Shows a page, and selects in it the characters from `start` up to `end`.
  lookUp(number, start, end) {
    this.place = { number, start, end };
    this.slider.value = number;
    this.wanted = number;
    this.fold.open(true); // and ask for it
    if (this.shown === number) this.point();
    this.root.scrollIntoView({ block: "nearest" });
  }
  point() {
    const { start, end } = this.place, { value } = this.area;
    this.place = null;
    const units = (characters) => Array.from(value).slice(0, characters).join("").length;
    const [first, last] = [units(start), units(end)];
    this.area.value = value.slice(0, last);
    const { scrollHeight } = this.area;
    this.area.value = value;
    this.area.scrollTop = end ? scrollHeight - this.area.clientHeight / 2 : 0;
    this.area.setSelectionRange(first, last);
    this.area.focus({ preventScroll: true });
  }
  // The text is another one now.
  again() {
    this.shown = null;
    if (!this.fold.body.hidden) this.request();
  }
  request() {
    this.asking = this.shown !== this.wanted;
    if (this.asking) this.ask(this.wanted);
  }
  // `count`: of the pages. `page`: what the server sent with this list, if it is of this source.
  show(count, page) {
    this.choice.hidden = count < 2;
    this.slider.max = Math.max(count, 1);
    this.wanted = Math.min(this.wanted, this.slider.max);
    if (page) {
      this.shown = page.number;
      this.area.value = page.text;
      setText(this.label, page.label);
      this.area.setAttribute("aria-label", `${WORDS.page} ${page.label}`);
      if (this.place?.number === page.number) this.point();
    }
    // Another page is wanted by now; or the answer came so close before this message that the browser dropped it.
    if (this.asking) this.request();
  }
}
