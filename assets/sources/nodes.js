// Nodes are made and changed here alone, and text goes into them as text: what documents and files say is never HTML.
function make(tag, className = "", properties = {}, children = []) {
  const node = Object.assign(document.createElement(tag), { className, ...properties });
  node.append(...children);
  return node;
}
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
// Makes `wanted`, without what is not shown, the children of `parent`. The one that has the focus is not moved, since it
// would lose it.
function place(parent, wanted) {
  const nodes = wanted.filter(Boolean);
  for (const child of [...parent.childNodes]) if (!nodes.includes(child)) child.remove();
  if (nodes.length === parent.childNodes.length && nodes.every((node, i) => node === parent.childNodes[i])) return;
  const still = nodes.find((node) => node.parentNode === parent && node.contains(document.activeElement));
  if (!still) { parent.append(...nodes); return; }
  const at = nodes.indexOf(still);
  still.before(...nodes.slice(0, at));
  still.after(...nodes.slice(at + 1));
}
