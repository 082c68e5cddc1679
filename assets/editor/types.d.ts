/** Nodes of template.html, by the selectors under which the scripts look for them. */
type Template = {
  querySelector(selector: ".draft-root" | ".draft-recover" | ".draft-proposal"): Template;
  querySelector(selector: ".draft-text"): HTMLTextAreaElement;
  querySelector(selector: ".draft-follow" | ".accept" | ".reject" | ".restore" | ".discard"): HTMLButtonElement;
  querySelector(selector: ".draft-count" | ".draft-diff" | ".draft-saved" | ".draft-status" | ".draft-tools" | ".draft-verdict" | "span"): HTMLElement;
} & HTMLElement;

/** The element of the component, as the page's own scripts and tests find it. */
interface DraftOwner extends Element {
  draft?: { state(): DraftState; focus(): void };
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
type ChangeKind = "equal" | "insert" | "delete";

/** Of app/web/components/editor.py, where each is described. */
interface Messages {
  set: {
    kind: "set"; project: string; text: string; revision: number; select: Span | null; last: Span | null;
    previous: string; running: boolean; opens?: boolean; forget?: string; note?: "refused" | "restored";
  };
  reading: { kind: "reading"; project: string };
  stream: { kind: "stream"; project: string; run: string; revision: number; at: number; replaced: number; text: string };
  propose: {
    kind: "propose"; project: string; id: string; start: number; end: number; text: string;
    changes: [kind: ChangeKind, text: string][]; done: boolean;
  };
  saved: { kind: "saved"; project: string; revision: number; error: string };
  kept: { kind: "kept"; project: string };
}
type SetMessage = Messages["set"];
type ProposeMessage = Messages["propose"];
type Message = Messages[keyof Messages];
type Handlers = { [Kind in keyof Messages]: (message: Messages[Kind]) => void };

type Verdict = "accept" | "reject";
type PassageKind = "rewrite" | "expand" | "shorten" | "again";

/** A key's button, its name for aria-keyshortcuts, and whether an event is that key; `ctrl`: Control, or Command. */
type Shortcut = [button: string, keys: string, matches: (event: KeyboardEvent, ctrl: boolean) => boolean];
