// Only what is inside the fold and its line is replaced: the fold itself would lose whether it is open, and the focus.
const [fold] = element.getElementsByTagName("details"), [line] = fold.getElementsByTagName("summary");

function show() {
  const made = document.createElement("template");
  made.innerHTML = props.value ?? "";
  const [first, ...rest] = made.content.children;
  fold.hidden = !first;
  line.replaceChildren(...(first ? [first] : []));
  while (line.nextSibling) line.nextSibling.remove();
  fold.append(...rest);
}
watch("value", show);
show();
