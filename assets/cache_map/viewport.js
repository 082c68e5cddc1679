/** A scrolling box with a canvas that covers what is visible of it, crisp at any pixel ratio, painted once a frame. */
class Viewport {
  /**
   * `resized()` runs before the painting, at a new width.
   * @param {HTMLElement} scroll @param {Paint} paint @param {() => void} resized
   */
  constructor(scroll, paint, resized) {
    this.scroll = scroll;
    this.sizer = /** @type {HTMLElement} */ (scroll.firstElementChild);
    this.canvas = /** @type {HTMLCanvasElement} */ (this.sizer.firstElementChild);
    this.ctx = contextOf(this.canvas);
    this.paint = paint;
    this.resized = resized;
    this.width = 0;
    this.height = 0;
    this.ratio = 0;
    this.frame = 0;
    new ResizeObserver(() => this.invalidate()).observe(scroll);
    scroll.addEventListener("scroll", () => this.invalidate(), { passive: true });
  }

  /** @param {number} height of the whole content, in CSS pixels */
  setContentHeight(height) {
    this.sizer.style.height = `${Math.max(height, this.height)}px`;
  }

  invalidate() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.fit();
      if (!this.width) return; // hidden: painted when it is shown
      this.ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      this.ctx.clearRect(0, 0, this.width, this.height);
      this.paint(this.ctx, this.scroll.scrollTop, this.width, this.height);
    });
  }

  fit() {
    const { clientWidth, clientHeight } = this.scroll;
    const ratio = window.devicePixelRatio || 1;
    if (clientWidth === this.width && clientHeight === this.height && ratio === this.ratio) return;
    [this.width, this.height, this.ratio] = [clientWidth, clientHeight, ratio];
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.canvas.style.width = `${clientWidth}px`;
    this.canvas.style.height = `${clientHeight}px`;
    if (clientWidth) this.resized();
  }

  /** @param {number} top @param {boolean} smooth */
  scrollTo(top, smooth) {
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroll.scrollTo({ top, behavior: smooth && !calm ? "smooth" : "instant" });
  }
}
