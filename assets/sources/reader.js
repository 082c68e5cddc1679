// The text of a source as it was read, a page at a time: each page is asked for when it is wanted.
class Reader {
  // `ask(number)` asks for a page.
  constructor(ask) {
    this.ask = ask;
    this.wanted = 1;
    this.asking = false;
    this.fold = new Fold("text-fold", [make("span", "", { textContent: WORDS.text })], (on) => on && this.want(this.wanted));
    this.slider = make("input", "", { type: "range", min: 1, step: 1, value: 1 });
    this.label = make("output");
    this.number = make("label", "page-number", {}, [make("span", "", { textContent: WORDS.page }), this.slider]);
    this.area = make("textarea", "", { readOnly: true, rows: 8 });
    this.fold.body.append(make("div", "page-choice", {}, [this.number, this.label]), make("div", "page-text", {}, [this.area]));
    this.root = make("div", "source-text", {}, [this.fold.toggle, this.fold.body]);
    this.slider.addEventListener("input", () => this.want(Number(this.slider.value)));
  }
  want(number) {
    this.wanted = number;
    setText(this.label, String(number));
    if (!this.asking) this.request();
  }
  request() {
    this.asking = this.shown !== this.wanted;
    if (this.asking) this.ask(this.wanted);
  }
  // `count`: of the pages. `page`: what the server sent with this list, if it is of this source.
  show(count, page) {
    this.number.hidden = count < 2;
    this.slider.max = Math.max(count, 1);
    this.wanted = Math.min(this.wanted, this.slider.max);
    if (page) {
      this.shown = page.number;
      this.area.value = page.text;
      setText(this.label, page.label);
      this.area.setAttribute("aria-label", `${WORDS.page} ${page.label}`);
    }
    // Another page is wanted by now; or the answer came so close before this message that the browser dropped it.
    if (this.asking) this.request();
  }
}
