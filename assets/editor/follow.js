// Keeps the end of what is being written in view, until the person scrolls away from it.
class Follow {
  /** @param {HTMLTextAreaElement} area @param {HTMLButtonElement} button */
  constructor(area, button) {
    this.area = area;
    this.button = button;
    this.on = true;
    this.own = -1;
    this.target = Infinity;
    button.addEventListener("click", () => { this.on = true; area.focus({ preventScroll: true }); this.scroll(); });
    area.addEventListener("scroll", () => {
      if (!area.readOnly || Math.abs(area.scrollTop - this.own) < 2) return;
      // On again where it would be scrolled to: at the end of the text only if that is where it grows.
      this.on = Math.abs(area.scrollTop - Math.min(this.target, area.scrollHeight - area.clientHeight)) <= 24;
      this.show();
    });
  }
  begin() { this.on = true; this.show(); }
  finish() { this.button.hidden = true; }
  show() { this.button.hidden = this.on || !this.area.readOnly; }
  // `share`: how much of the text stands before the place where it is written.
  end(share = 1) {
    this.target = share >= 1 ? Infinity : Math.max(0, share * this.area.scrollHeight - this.area.clientHeight * 0.7);
    if (this.on) this.scroll();
    this.show();
  }
  scroll() {
    this.area.scrollTop = Math.min(this.target, this.area.scrollHeight);
    this.own = this.area.scrollTop;
    this.show();
  }
}
