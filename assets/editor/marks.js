// Passages of the draft that the map points at: marked in a copy of the text over it, whose letters are not seen.
const COPIED = ["font", "letterSpacing", "lineHeight", "padding", "borderWidth", "overflowWrap", "wordBreak", "tabSize", "textAlign"];

class Marks {
  /** @param {HTMLTextAreaElement} area @param {HTMLElement} layer over it */
  constructor(area, layer) {
    this.area = area;
    this.layer = layer;
    /** @type {Span[]} in UTF-16 units */
    this.spans = [];
    this.caret = false;
    this.text = "";
    area.addEventListener("scroll", () => this.scroll(), { passive: true });
    area.addEventListener("input", () => this.show([], false));
    new ResizeObserver(() => this.draw()).observe(area);
  }

  /** `caret`: the first begins with one. None takes them away. @param {Span[]} spans @param {boolean} caret */
  show(spans, caret) {
    if (!spans.length && !this.spans.length) return;
    this.spans = spans.toSorted((a, b) => a[0] - b[0]);
    this.caret = caret;
    this.draw();
    const first = this.layer.querySelector("mark");
    if (!first) return;
    const { area } = this;
    const seen = first.offsetTop >= area.scrollTop && first.offsetTop + 24 <= area.scrollTop + area.clientHeight;
    if (!seen) area.scrollTop = first.offsetTop - area.clientHeight / 3;
  }

  /** The text has become another, in which they would stand elsewhere. */
  check() {
    if (this.spans.length && this.area.value !== this.text) this.show([], false);
  }

  draw() {
    const { area, layer, spans } = this;
    layer.hidden = !spans.length || area.hidden;
    if (layer.hidden) return layer.replaceChildren();
    this.text = area.value;
    const style = getComputedStyle(area);
    for (const name of COPIED) layer.style.setProperty(name.replace(/[A-Z]/g, "-$&").toLowerCase(), style[/** @type {any} */ (name)]);
    Object.assign(layer.style, {
      top: `${area.offsetTop}px`, left: `${area.offsetLeft}px`, height: `${area.offsetHeight}px`,
      width: `${area.offsetWidth - scrollbar(area)}px`,
    });
    let at = 0;
    const nodes = spans.flatMap(([from, to], i) => {
      const mark = document.createElement("mark");
      mark.textContent = this.text.slice(Math.max(at, from), to);
      if (i === 0 && this.caret) mark.className = "draft-caret";
      const before = this.text.slice(at, from);
      at = Math.max(at, to);
      return [before, mark];
    });
    const page = document.createElement("div");
    page.append(...nodes, this.text.slice(at), "\u200b"); // else a last empty line has no height
    layer.replaceChildren(page);
    this.scroll();
  }

  scroll() {
    const page = /** @type {HTMLElement | null} */ (this.layer.firstElementChild);
    if (page) page.style.transform = `translateY(${-this.area.scrollTop}px)`;
  }
}

/** @param {HTMLElement} box the width of its scrollbar, in pixels */
function scrollbar(box) {
  const { borderLeftWidth, borderRightWidth } = getComputedStyle(box);
  return box.offsetWidth - box.clientWidth - parseFloat(borderLeftWidth) - parseFloat(borderRightWidth);
}
