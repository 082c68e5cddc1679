// Elements of the nodes that the server sends (app/web/components/preview_nodes.py). What is not listed here is not made,
// and text goes in as text: a draft is never HTML.
const TAGS = new Set(["h1", "h2", "h3", "h4", "h5", "h6", "p", "pre", "blockquote", "ul", "ol", "li", "table", "tr", "th", "td", "hr",
  "strong", "em", "s", "code", "br"]);
const WEB = /^(?:https?|mailto):/i;

/** What each other node is, by its attributes. */
const OTHERS = {
  a({ href }) {
    const link = document.createElement("a");
    if (WEB.test(href)) Object.assign(link, { href, target: "_blank", rel: "noopener noreferrer" });
    return link;
  },
  ref({ file, name, page, title }) {
    const link = document.createElement("a");
    Object.assign(link, { href: "#source-list", title, className: "page-ref" });
    link.setAttribute("aria-label", title);
    Object.assign(link.dataset, { file, name, page });
    return link;
  },
  said({ kind, title }) {
    const mark = document.createElement("span");
    mark.className = `said ${["exact", "near"].includes(kind) ? kind : "none"}`;
    mark.title = title;
    return mark;
  },
};

function made(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const [tag, attributes, ...inner] = node;
  const found = Object.hasOwn(OTHERS, tag) ? OTHERS[tag](attributes) : document.createElement(TAGS.has(tag) ? tag : "span");
  if (tag === "ol") found.start = attributes.start;
  found.append(...inner.map(made));
  if (tag !== "table") return found;
  const frame = document.createElement("div"); // which scrolls sideways
  frame.className = "table-frame";
  frame.tabIndex = 0;
  frame.append(found);
  return frame;
}
