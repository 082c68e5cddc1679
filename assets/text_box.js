// Gradio's text boxes tell of what is typed by the key that was pressed, and of nothing else: a paste, a deletion, what is
// dictated or comes from an input method would not be kept. Here every change comes with a key, if with one of no name.
let pressed = false;

addEventListener("keypress", () => {
  pressed = true;
}, true);

addEventListener("input", (event) => {
  const box = event.target;
  const isBox = (box instanceof HTMLTextAreaElement || box instanceof HTMLInputElement) && box.dataset.testid === "textbox";
  if (isBox && !pressed) box.dispatchEvent(new KeyboardEvent("keypress"));
  pressed = false;
}, true);
