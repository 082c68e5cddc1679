// The keys that press the page's buttons, as long as those are not disabled.
/** @type {Shortcut[]} */
const SHORTCUTS = [
  ["#write", "Control+Enter", (event, ctrl) => ctrl && !event.shiftKey && event.key === "Enter"],
  ["#continue", "Control+Shift+Enter", (event, ctrl) => ctrl && event.shiftKey && event.key === "Enter"],
  ["#stop", "Escape", (event) => event.key === "Escape" && running],
  ["#undo", "Control+Z", (event, ctrl) => ctrl && !event.shiftKey && event.key.toLowerCase() === "z" && event.target === area],
  ["#redo", "Control+Shift+Z", (event, ctrl) => ctrl && event.target === area && ((event.shiftKey && event.key.toLowerCase() === "z") || event.key.toLowerCase() === "y")],
  ["#save-version", "Control+Shift+S", (event, ctrl) => ctrl && event.shiftKey && event.key.toLowerCase() === "s"],
];
document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const pressed = SHORTCUTS.find(([, , matches]) => matches(event, event.ctrlKey || event.metaKey));
  /** @type {HTMLButtonElement | null | undefined} */
  const button = pressed && document.querySelector(pressed[0]);
  if (!button) return;
  if (button.disabled && event.target === area) return; // the browser's own undo, while the model reads
  event.preventDefault();
  if (!button.disabled) button.click();
});
// The buttons may come after the editor.
function label() {
  return SHORTCUTS.map(([id, keys]) => {
    const button = document.querySelector(id);
    button?.setAttribute("aria-keyshortcuts", keys);
    button?.setAttribute("title", keys.replaceAll("Control", "Ctrl"));
    return button;
  }).every(Boolean);
}
if (!label()) {
  const coming = new MutationObserver(() => { if (label()) coming.disconnect(); });
  coming.observe(document.body, { childList: true, subtree: true });
}
