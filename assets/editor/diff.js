// A proposal: the whole draft with the changes in it, to be accepted or rejected.
class Proposal {
  /** @param {Template} root @param {HTMLTextAreaElement} area @param {(kind: Verdict, id: string) => void} verdict */
  constructor(root, area, verdict) {
    this.id = "";
    this.done = false;
    this.box = root.querySelector(".draft-proposal");
    this.diff = root.querySelector(".draft-diff");
    this.area = area;
    const accept = root.querySelector(".accept"), reject = root.querySelector(".reject");
    accept.textContent = TEXT.accept;
    reject.textContent = TEXT.reject;
    this.diff.setAttribute("role", "region");
    this.diff.setAttribute("aria-label", TEXT.proposal);
    accept.addEventListener("click", () => verdict("accept", this.id));
    reject.addEventListener("click", () => verdict("reject", this.id));
    this.diff.addEventListener("keydown", (event) => {
      if (this.done && (event.key === "Enter" || event.key === "Escape")) {
        event.preventDefault();
        verdict(event.key === "Enter" ? "accept" : "reject", this.id);
      }
    });
  }
  /** @param {ShownProposal} message @param {string} text the whole draft */
  show(message, text) {
    this.id = message.id;
    const start = toUnits(text, message.start), end = toUnits(text, message.end);
    /** @type {[ChangeKind, string][]} */
    const changes = message.done ? message.changes : [["delete", text.slice(start, end)], ["insert", message.text]];
    this.diff.replaceChildren(text.slice(0, start), ...changes.map(([kind, part]) => {
      const node = document.createElement({ equal: "span", insert: "ins", delete: "del" }[kind]);
      node.textContent = part;
      return node;
    }), text.slice(end));
    this.box.hidden = false;
    this.box.querySelector(".draft-verdict").hidden = !message.done;
    this.area.hidden = true;
    if (message.done && !this.done) {
      this.done = true;
      this.diff.focus();
      this.diff.querySelector("ins, del")?.scrollIntoView({ block: "center" });
    }
  }
  get shown() { return !this.box.hidden; }
  hide() {
    this.done = false;
    this.box.hidden = true;
    this.area.hidden = false;
  }
}
