// Reads a value that only grows (app/web/components/log.py): gives what came since the last look.
class LogReader {
  constructor() {
    this.head = "";
    this.seen = 0;
  }

  /** @param {string} value */
  static reads(value) { return value.startsWith("\u001b"); }

  /** The parts in order: messages as objects, text as strings, and {cut: n} where the text is cut to n characters.
   * @param {string} value @returns {any[]} */
  added(value) {
    const head = value.slice(0, value.indexOf("\n") + 1);
    if (head !== this.head) [this.head, this.seen] = [head, 0]; // another log
    const fresh = value.slice(this.seen);
    this.seen = value.length;
    // eslint-disable-next-line no-control-regex -- they are the marks
    return Array.from(fresh.matchAll(/\u001b([^\n]*)\n|\u001a(\d+);|[^\u001a\u001b]+/gu), ([part, message, kept]) =>
      message !== undefined ? JSON.parse(message) : kept !== undefined ? { cut: Number(kept) } : part);
  }
}
