// Gradio's dropdowns open as soon as they have the focus, once more after the key that leaves them, and tell the server
// of a change whenever they are left. Here a list opens by a click, an arrow, Enter, or what is typed; it closes when its
// field is left, by Escape, and when the page is scrolled; the first click selects what stands in the field, as Tab does;
// and a field that is only passed through says nothing.
const entered = new WeakMap(); // the text of a field when it got the focus
const used = new WeakSet(); // fields whose list was opened since then
const choosing = new WeakSet(); // fields in which Enter was pressed last
const placed = new WeakMap(); // where a field stood when its list was opened

/** @param {EventTarget | null} node */
const fieldOf = (node) => (node instanceof HTMLInputElement && node.matches("[role=combobox]") ? node : null);
/** @param {Element} field */
const isOpen = (field) => field.getAttribute("aria-expanded") === "true";
/** @param {HTMLInputElement} field */
const isTyped = (field) => field.value !== entered.get(field);
/** @param {HTMLInputElement} field */
const topOf = (field) => field.getBoundingClientRect().top;

// Gradio takes the events that are made here for a person's, and does what it does then.
/** @param {HTMLInputElement} field @param {string} key */
function press(field, key) {
  field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}
/** @param {HTMLInputElement} field */
function openList(field) {
  used.add(field);
  if (isOpen(field)) return;
  placed.set(field, topOf(field));
  field.dispatchEvent(new FocusEvent("focus"));
}
/** @param {HTMLInputElement} field */
function closeList(field) { press(field, "Escape"); }

addEventListener("focus", (event) => {
  const field = fieldOf(event.target);
  if (!field || !event.isTrusted) return;
  event.stopImmediatePropagation();
  entered.set(field, field.value);
  used.delete(field);
}, true);

addEventListener("blur", (event) => {
  const field = fieldOf(event.target);
  if (!field || !event.isTrusted) return;
  if (!used.has(field) && !isTyped(field)) event.stopImmediatePropagation();
  // Gradio lets go of the focus with the choice.
  if (choosing.delete(field)) setTimeout(() => { if (document.activeElement === document.body) field.focus({ preventScroll: true }); });
}, true);

addEventListener("click", (event) => {
  const around = event.target instanceof Element ? event.target.closest(".wrap-inner") : null;
  const field = fieldOf(event.target) ?? fieldOf(around?.querySelector("input[role=combobox]") ?? null);
  if (!field || field.disabled) return;
  field.focus();
  if (!used.has(field) && !field.readOnly) field.select(); // what is typed next takes the place of what was chosen
  openList(field);
}, true);

// Gradio filters by keys, and there is none for what is pasted or comes from an input method.
addEventListener("input", (event) => {
  const field = fieldOf(event.target);
  if (!field) return;
  openList(field);
  press(field, "Unidentified");
}, true);

// One of the page's own keys goes past the list.
/** @param {KeyboardEvent} event */
function passOn(event) {
  event.stopPropagation();
  const { key, ctrlKey, metaKey, shiftKey } = event;
  const passed = new KeyboardEvent("keydown", { key, ctrlKey, metaKey, shiftKey, bubbles: true, cancelable: true });
  if (!document.body.dispatchEvent(passed)) event.preventDefault();
}

addEventListener("keydown", (event) => {
  const field = fieldOf(event.target), { key } = event;
  if (!field) return;
  if (key === "Escape" && isOpen(field)) event.preventDefault(); // it closes the list, and stops no run
  if (!event.isTrusted || event.defaultPrevented) return;
  choosing.delete(field);
  if (event.ctrlKey || event.metaKey || key === "Escape") {
    passOn(event);
  } else if (isOpen(field) && /^(Arrow(Up|Down)|Home|End)$/.test(key)) {
    event.preventDefault(); // neither the page nor the text moves
  } else if (key === "Enter" && (isOpen(field) || isTyped(field))) {
    choosing.add(field);
  } else {
    event.stopPropagation();
    if (!/^(ArrowUp|ArrowDown|Enter)$/.test(key) && !(key === " " && field.readOnly)) return;
    event.preventDefault();
    openList(field);
  }
}, true);

// When the field moves from under its list. On a touch screen the keyboard that comes up scrolls the page, too: there
// Gradio moves the list along.
addEventListener("scroll", () => {
  const field = fieldOf(document.activeElement);
  if (!field || !isOpen(field) || matchMedia("(pointer: coarse)").matches) return;
  if (Math.abs(topOf(field) - placed.get(field)) > 1) closeList(field);
}, { capture: true, passive: true });

// Gradio looks at a key a moment later, when the field may have been left.
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const field = fieldOf(target);
    if (field && isOpen(field) && field !== document.activeElement) closeList(field);
  }
}).observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ["aria-expanded"] });
