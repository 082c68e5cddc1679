const GUTTER = 34;
const RIGHT = 8;

/** Prompt positions across: the strip of pages and the heatmap under it share one, so that they stand in line. */
class Axis {
  constructor() {
    this.promptTokens = this.domain = 1;
  }

  /**
   * Room for the generated text grows by doubling, so that the picture seldom moves.
   * @param {number} promptTokens @param {number} longest
   */
  setLengths(promptTokens, longest) {
    this.promptTokens = promptTokens;
    let room = Math.max(64, Math.round(promptTokens / 20));
    while (promptTokens + room < longest) room *= 2;
    this.domain = promptTokens + room;
  }

  /** @param {number} width */
  columns(width) {
    return Math.max(1, width - GUTTER - RIGHT);
  }

  /** @param {number} position @param {number} width */
  x(position, width) {
    return GUTTER + (position / this.domain) * this.columns(width);
  }

  /** The position under a pointer. @param {MouseEvent} event @param {HTMLElement} canvas */
  positionAt(event, canvas) {
    const box = canvas.getBoundingClientRect();
    const share = (event.clientX - box.left - GUTTER) / this.columns(box.width);
    return Math.max(0, Math.min(this.domain - 1, Math.floor(share * this.domain)));
  }
}

/**
 * Say what a plot's slider stands at, for those who hear it.
 * @param {HTMLElement} element @param {number} most @param {number} now @param {string} text
 */
function setSlider(element, most, now, text) {
  element.setAttribute("aria-valuemin", "0");
  element.setAttribute("aria-valuemax", `${Math.max(0, most)}`);
  element.setAttribute("aria-valuenow", `${Math.max(0, now)}`);
  element.setAttribute("aria-valuetext", text);
}
