// A file that is being read: how far it is, and a way to stop.
class Waiting {
  // `stop()`: it is not to be read on.
  constructor(stop) {
    this.name = make("b");
    this.facts = make("span", "facts");
    this.bar = make("progress");
    this.stop = make("button", "stop-reading", { type: "button", textContent: WORDS.stop });
    this.stop.addEventListener("click", () => { this.stop.disabled = true; stop(); });
    this.root = make("li", "being-read", {}, [this.name, this.facts, this.bar, make("div", "source-actions", {}, [this.stop])]);
  }
  show({ name, facts, done, total }) {
    setText(this.name, name);
    setText(this.facts, facts);
    this.bar.setAttribute("aria-label", name);
    this.stop.setAttribute("aria-label", `${WORDS.stop}: ${name}`);
    if (total) Object.assign(this.bar, { max: total, value: done }); // else it moves, and says nothing
  }
}
