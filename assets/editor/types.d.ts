/** Nodes of template.html, by the selectors under which the scripts look for them. */
type Template = {
  querySelector(selector: ".draft-root" | ".draft-recover" | ".draft-proposal" | ".draft-find"): Template;
  querySelector(selector: ".draft-text"): HTMLTextAreaElement;
  querySelector(selector: ".draft-follow" | ".accept" | ".reject" | ".restore" | ".discard" | FindButton): HTMLButtonElement;
  querySelector(selector: ".find-wanted" | ".find-instead" | ".find-case"): HTMLInputElement;
  querySelector(selector: ".draft-count" | ".draft-diff" | ".draft-found" | ".draft-left" | ".draft-marks" | ".draft-saved" | ".draft-status" | ".draft-tools" | ".draft-verdict" | ".find-count" | ".find-case-label" | "span"): HTMLElement;
} & HTMLElement;

/** The element of the component, as the page's own scripts and tests find it. */
interface DraftOwner extends Element {
  draft?: {
    state(): DraftState;
    focus(): void;
    /** As it is shown, with what is being written. */
    text(): string;
    /** In UTF-16 units, as are those below. */
    caret(): number;
    writing(): boolean;
    go(start: number, end: number, focus?: boolean): void;
    /** Asks what was kept while that place was written; the focus stays where it is. */
    look(start: number): void;
    /** Opens the bar. */
    find(): void;
    /** Asks for another form of the passage. */
    rewrite(start: number, end: number): void;
    /** Mark these passages, the first with a caret before it; see Marks. */
    mark(spans: Span[], caret: boolean): void;
  };
}

/** What the server is told of the draft; positions are characters (code points). */
interface DraftState {
  project: string;
  text: string;
  revision: number;
  serial: number;
  start: number;
  end: number;
}

/** From one character to another. */
type Span = [start: number, end: number];

/** Of a proposal: what is the same in both texts or decided, or what is to be decided and its number. */
type Piece = [text: string] | [old: string, now: string, number: number];
interface ProposalMessage { id: string; start: number; end: number; outdated: boolean; pieces: Piece[] }

/** Of app/web/components/editor.py, where each is described. */
interface Messages {
  set: {
    kind: "set"; project: string; text: string; revision: number; select: Span | null; last: Span | null;
    previous: string; running: boolean; proposal: ProposalMessage | null; opens?: boolean; forget?: string; note?: "refused" | "restored";
  };
  saved: { kind: "saved"; project: string; revision: number; error: string };
  kept: { kind: "kept"; project: string };
}
type SetMessage = Messages["set"];

/** What a run writes, as a log; its parts are described there too. */
interface RunHead { kind: "run"; project: string | null; run: string; proposes?: boolean }
interface RunPlace { kind: "place"; revision: number; at: number; replaced: number; seam: string }
interface RunOver {
  kind: "over"; revision: number; characters: number; last: Span | null;
  proposal: ProposalMessage | null;
}
type RunPart = RunHead | RunPlace | RunOver | { kind?: undefined; cut: number } | string;

/** A proposal as it is shown: while it is written its text, then what it changes. */
type ShownProposal = { done: false; id: string; start: number; end: number; text: string } | (ProposalMessage & { done: true });

/** What the browser keeps of a draft. */
interface Copy { text?: string; revision?: number; kept?: boolean; offered?: string | null; name?: string }
type Message = Messages[keyof Messages];
type Handlers = { [Kind in keyof Messages]: (message: Messages[Kind]) => void };

type Verdict = "accept" | "reject";
type FindButton = ".find-previous" | ".find-next" | ".find-replace" | ".find-all" | ".find-close";
type PassageKind = "rewrite" | "expand" | "shorten" | "again";

/** A key's button, its name for aria-keyshortcuts, and whether an event is that key; `ctrl`: Control, or Command. */
type Shortcut = [button: string, keys: string, matches: (event: KeyboardEvent, ctrl: boolean) => boolean];
