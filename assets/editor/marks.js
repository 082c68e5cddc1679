// Passages of the draft that the map points at, marked for as long as the text stays as it is.
class Marks {
  /** @param {HTMLTextAreaElement} area @param {HTMLElement} layer over it */
  constructor(area, layer) {
    this.area = area;
    this.overlay = new Overlay(area, layer);
    area.addEventListener("input", () => this.show([], false));
  }

  /** `caret`: the first begins with one. None takes them away. @param {Span[]} spans @param {boolean} caret */
  show(spans, caret) {
    if (!spans.length && !this.overlay.spans.length) return;
    this.overlay.show(spans.toSorted((a, b) => a[0] - b[0]), (i) => (caret && i === 0 ? "draft-caret" : ""));
    this.overlay.reveal("mark");
  }

  /** The text has become another, in which they would stand elsewhere. */
  check() {
    if (this.overlay.spans.length && this.area.value !== this.overlay.text) this.show([], false);
  }
}
