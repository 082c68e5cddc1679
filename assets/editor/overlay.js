// Passages marked in a copy of the text that lies over it, whose letters are not seen: a text area has no marks of its own.
const COPIED = ["font", "letterSpacing", "lineHeight", "padding", "borderWidth", "overflowWrap", "wordBreak", "tabSize", "textAlign"];

class Overlay {
  /** @param {HTMLTextAreaElement} area @param {HTMLElement} layer over it */
  constructor(area, layer) {
    this.area = area;
    this.layer = layer;
    /** @type {Span[]} in UTF-16 units, in order */
    this.spans = [];
    /** @type {(i: number) => string} the class of the mark at that index */
    this.named = () => "";
    this.text = "";
    area.addEventListener("scroll", () => this.scroll(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(area);
  }

  /** None takes the marks away. @param {Span[]} spans @param {(i: number) => string} [named] */
  show(spans, named = () => "") {
    this.spans = spans;
    this.named = named;
    this.draw();
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
      const mark = Object.assign(document.createElement("mark"), { className: this.named(i), textContent: this.text.slice(Math.max(at, from), to) });
      const before = this.text.slice(at, from);
      at = Math.max(at, to);
      return [before, mark];
    });
    const page = document.createElement("div");
    page.append(...nodes, this.text.slice(at), "\u200b"); // else a last empty line has no height
    layer.replaceChildren(page);
    this.scroll();
  }

  /** Scrolls the text to the first mark that fits. @param {"mark" | "mark.current"} selector */
  reveal(selector) {
    const { area } = this, top = /** @type {HTMLElement | null} */ (this.layer.querySelector(selector))?.offsetTop;
    if (top === undefined || (top >= area.scrollTop && top <= area.scrollTop + area.clientHeight - 40)) return;
    area.scrollTop = top - area.clientHeight / 3;
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
