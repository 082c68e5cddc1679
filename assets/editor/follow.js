// Keeps the end of what is being written in view, until the person scrolls away from it.
class Follow {
  constructor(area, button) {
    this.area = area;
    this.button = button;
    this.on = true;
    this.own = -1;
    button.addEventListener("click", () => { this.on = true; area.focus({ preventScroll: true }); this.end(); });
    area.addEventListener("scroll", () => {
      if (!area.readOnly || Math.abs(area.scrollTop - this.own) < 2) return;
      this.on = area.scrollTop + area.clientHeight >= area.scrollHeight - 24;
      this.show();
    });
  }
  begin() { this.on = true; this.show(); }
  finish() { this.button.hidden = true; }
  show() { this.button.hidden = this.on || !this.area.readOnly; }
  // `share`: how much of the text stands before the place where it is written.
  end(share = 1) {
    if (this.on) {
      const target = share >= 1 ? this.area.scrollHeight : share * this.area.scrollHeight - this.area.clientHeight * 0.7;
      this.area.scrollTop = Math.max(0, target);
      this.own = this.area.scrollTop;
    }
    this.show();
  }
}
