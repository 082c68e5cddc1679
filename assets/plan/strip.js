// All documents from left to right, and in them the parts that the text is written from. A click leads to the part's place
// in the list, where it can be changed, by key too.
class Strip {
  // `choose(id)`: the part of that id was clicked.
  constructor(choose) {
    this.root = make("div", "plan-strip");
    this.root.setAttribute("role", "img");
    this.root.setAttribute("aria-label", WORDS.strip);
    this.parts = [];
    this.root.addEventListener("click", ({ clientX }) => {
      const { left, width } = this.root.getBoundingClientRect(), at = (clientX - left) / width;
      const part = this.parts.find(({ span: [start, end] }) => start <= at && at <= end);
      if (part) choose(part.id);
    });
  }
  show(groups) {
    const seen = new Map(); // a part may belong to several sections
    for (const { parts } of groups) {
      for (const part of parts) if (seen.get(part.id)?.state !== "full") seen.set(part.id, part);
    }
    this.parts = [...seen.values()];
    this.root.replaceChildren(...this.parts.filter(({ state }) => state !== "none").map(({ span: [start, end], state, pages, title }) => {
      const mark = make("i", state, { title: WORDS.part(pages, title) });
      mark.style.left = `${100 * start}%`;
      mark.style.width = `${100 * (end - start)}%`;
      return mark;
    }));
  }
}
