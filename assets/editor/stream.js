// What a run writes, as it comes. The draft can be edited until the place is known; then the words go there until the end.
class Stream {
  /** @type {RunHead} */
  head = { kind: "run", project: null, run: "" };
  /** @type {RunPlace | null} */
  place = null;
  /** @type {RunOver | null} */
  over = null;
  done = false;
  text = "";

  /** @param {RunHead} head */
  open(head) {
    this.head = head;
    this.place = this.over = null;
    this.done = false;
    this.text = "";
  }

  /** @param {RunPart[]} parts */
  take(parts) {
    for (const part of parts) {
      if (typeof part === "string") this.text += part;
      else if (part.kind === undefined) this.text = this.text.slice(0, toUnits(this.text, part.cut));
      else if (part.kind === "run") this.open(part);
      else if (part.kind === "place") this.place = part;
      else if (part.kind === "over") this.over = part;
    }
    this.show();
  }

  // Also called when a word that was being put together is finished.
  show() {
    if (this.head.project !== project || this.done) return; // of a project that the page has left
    if (this.over) this.end(this.over);
    else if (!this.place) runs(true); // a run waits or reads
    else if (this.head.proposes) this.propose(this.place);
    else this.write(this.place);
  }

  /** Make the draft the run's. False while something typed is still on its way: then the next words try again.
   * @param {RunPlace} place */
  begin(place) {
    if (writer === this.head.run) return true;
    if (composing) return false; // a word is being put together: it is finished first
    writing(true);
    // What was typed last is sent first, and the place of writing is behind it then.
    if (unsent() || inFlight) { send(); return false; }
    if (failed || place.revision !== revision) { trigger("resync"); return false; }
    proposal.hide();
    writer = this.head.run;
    base = area.value;
    return true;
  }

  /** @param {RunPlace} place */
  write(place) {
    if (!this.begin(place)) return;
    const { at, replaced, seam } = place, draft = /** @type {string} */ (base); // since this run has begun
    const start = toUnits(draft, at), end = toUnits(draft, at + replaced);
    const before = draft.slice(0, start) + this.text;
    const text = before + seam + draft.slice(end);
    put(text, null);
    follow.end(end >= draft.length ? 1 : before.length / text.length);
    mirror();
  }

  /** @param {RunPlace} place */
  propose({ at, replaced }) {
    writing(true);
    proposal.show({ id: this.head.run, start: at, end: at + replaced, text: this.text, done: false }, area.value);
    tools();
  }

  /** The page has all words: what it shows is the draft, if its length is that of the server's. @param {RunOver} over */
  end(over) {
    if (over.proposal) {
      if (over.revision !== revision) { trigger("resync"); return; }
      writing(false);
      proposal.show({ ...over.proposal, done: true }, area.value);
      announcer.textContent = TEXT.proposed;
    } else {
      if (base === null && !area.readOnly && (unsent() || inFlight || composing)) { runs(false); this.done = true; return; }
      if (this.place && !this.head.proposes && writer === this.head.run) this.write(this.place);
      const known = writer === this.head.run || over.revision === revision;
      if (!known || toCharacters(area.value, area.value.length) !== over.characters) { trigger("resync"); return; }
      base = null;
      writer = "";
      revision = over.revision;
      last = over.last;
      sent = area.value;
      inFlight = null;
      proposal.hide();
      writing(false);
      runs(false);
      if (!failed) say(TEXT.saved);
      mirror();
    }
    tools();
    settles();
    this.done = true;
  }
}
const stream = new Stream();
remember();
watch("value", read);
read();
