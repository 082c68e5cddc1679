// Makes these sentences the paragraphs of `parent`; each begins with a sign that is read as `sign`, if there is one.
function lines(parent, sentences, sign = "") {
  if (sentences.join("\n") === parent.dataset.said) return;
  parent.dataset.said = sentences.join("\n");
  parent.replaceChildren(...sentences.map((textContent) => {
    const mark = make("i", "", { textContent: "⚠", role: "img", ariaLabel: sign });
    return make("p", "", {}, [...(sign ? [mark, " "] : []), make("span", "", { textContent })]);
  }));
}
// A button that shows and hides what is in `body`. `opened(on)` is told of it.
class Fold {
  constructor(name, children, opened = () => {}) {
    this.opened = opened;
    this.toggle = make("button", `label-wrap ${name}`, { type: "button" }, [...children, make("span", "icon")]);
    this.body = make("div", `${name}-body`, { hidden: true });
    this.toggle.setAttribute("aria-expanded", "false");
    this.toggle.addEventListener("click", () => this.open(this.body.hidden));
  }
  open(on) {
    this.body.hidden = !on;
    this.toggle.setAttribute("aria-expanded", String(on));
    this.toggle.classList.toggle("open", on);
    this.opened(on);
  }
}
