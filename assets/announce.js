// Says what changes on the page to screen readers: in a region that stays, while the parts themselves are replaced.
// What differs in numbers only is said again after so many milliseconds, if at all. (Gradio takes a name in quotes in such a
// script for an event.)
/** @type {[selector: string, every: number][]} */
const PARTS = [["#progress p", 10000], ["#model-line summary, #model-line p", 10000], ["#comparison .fair", 10000],
  ["#table-check", Infinity], ["#window p", Infinity]];
const lines = PARTS.map(() => element.querySelector("[role=status]").appendChild(document.createElement("p")));
const said = PARTS.map(() => ({ text: "", words: "", at: 0 }));

function listen() {
  PARTS.forEach(([selector, every], i) => {
    const part = document.querySelector(selector), text = part?.textContent.trim() ?? "";
    const words = text.replace(/\d[\d.,:]*/g, "#"), now = Date.now();
    if (text === said[i].text || (words === said[i].words && now - said[i].at < every)) return;
    said[i] = { text, words, at: now };
    lines[i].textContent = part?.matches("[role=alert]") ? "" : text; // alerts are said anyway
  });
}
new MutationObserver(listen).observe(document.body, { childList: true, subtree: true });
listen();
