// --- the page ---

/** Nodes of template.html that are more than an HTMLElement, by the end of their class. */
interface Parts {
  root: Template;
  kept: Template;
  sentence: Template;
  series: Template;
  follow: HTMLButtonElement;
  earlier: HTMLButtonElement;
  later: HTMLButtonElement;
  layer: HTMLSelectElement;
  live: HTMLButtonElement;
  play: HTMLButtonElement;
  ramp: HTMLCanvasElement;
  slider: HTMLInputElement;
}
type Part<Name extends string> = Name extends keyof Parts ? Parts[Name] : HTMLElement;
type Template = {
  querySelector<Name extends string>(selector: `.ckm-${Name}`): Part<Name>;
  querySelectorAll(selector: string): NodeListOf<HTMLElement>;
} & HTMLElement;

type Context = CanvasRenderingContext2D;
/** Draws the content of a viewport from `top` on, in CSS pixels. */
type Paint = (ctx: Context, top: number, width: number, height: number) => void;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Colours as CSS; `words` are the shades as pixels of an image. */
type Palette = { shades: string[]; words: Uint32Array } & Record<
  "text" | "quiet" | "rule" | "outside" | "accent" | "bar" | "own" | "rest" | "entered" | "enteredMark" | "leftMark" | "stayed", string
>;

type Mode = "share" | "changes" | "passages";
type Change = "entered" | "left" | "stayed";

// --- the messages, as app/runs/feed.py and app/runs/evidence.py describe them ---

interface Message {
  run: string;
  empty?: boolean;
  start?: Start;
  refreshes?: number;
  refresh?: Refresh[];
  steps?: Steps;
  layer?: LayerHistory;
  held?: HeldMessage;
  series?: Series;
}
/** Of a method, see app/methods.py. */
type Kind = "full" | "refreshed" | "kept" | "read";

interface Start {
  pieces: string[];
  documentStart: number;
  pages: [position: number, label: string, title: string, name: string][];
  layers: number[];
  heads: number;
  slots: number;
  promptTokens: number;
  draftTokens: number;
  kind?: Kind;
}
/** `kept`: in base64, a byte a position. */
interface Refresh {
  number: number;
  step: number;
  reason: string;
  layers: number[];
  kept: string;
}
interface Steps {
  first: number;
  full: number[];
  texts: string[];
  at: number;
}
interface Series {
  place: [number: number, total: number, title: string];
  runs: string[];
  at: number;
}
interface LayerHistory {
  index: number;
  first: number;
  kept: string[];
}
interface HeldMessage {
  pages: [index: number, part: number][];
  passages: [first: number, end: number, share: number][];
  quotes: [first: number, end: number][];
  near: [first: number, end: number, similarity: number][];
  note: "" | "typed" | "full";
}

// --- what is made of them ---

/** From one character to another, in UTF-16 units. */
type Stretch = [from: number, to: number];
/** Parts of what the small caches hold: of the documents, of the model's own text, of the instruction; together 1. */
type Mix = [document: number, own: number, instruction: number];
/** `parts`: of what is held of the documents, by page, each weighed by its length; together 1. */
interface Look {
  mix: number[];
  parts: number[];
}
/** What the editor of the page lets others do, see assets/editor. */
interface Draft {
  text(): string;
  mark(stretches: Stretch[], caret: boolean): void;
}

/** Offsets are UTF-16 units of `text`; `starts` has one more than there are tokens. */
interface Doc {
  text: string;
  starts: Int32Array;
  first: number;
  tokens: number;
  pages: Page[];
}
interface Page {
  position: number;
  label: string;
  title: string;
  name: string;
  offset: number;
}
/** What a text is made of for laying it out: where each begins and the text ends, how wide it is, whether it is blank. */
interface Units {
  starts: Int32Array;
  widths: Float64Array;
  blank: Uint8Array;
  measure: (text: string) => number;
}
/** Of the laid-out text; a page divider has a title. `cells` are measured when it is first painted. */
interface Line {
  from: number;
  to: number;
  y: number;
  height: number;
  title: string | null;
  cells?: { token: number; left: number; right: number }[];
}
interface Row extends Omit<Refresh, "kept"> {
  kind: Kind | undefined;
  context: number;
  levels: Uint8Array;
  kept: null;
}

// --- words ---

type Label =
  | Mode | Change | "show" | "document" | "documentLabel" | "pages" | "pagesLabel" | "history" | "historyHint"
  | "historyLabel" | "layersBySteps" | "layersLabel" | "layer" | "allLayers" | "loading" | "play" | "pause"
  | "live" | "liveLabel" | "refresh" | "close" | "closeLabel" | "kept" | "quote" | "near" | "generated" | "keptWhile"
  | "typed" | "nothingKept" | "empty" | "reading" | "noCache" | "heldScale" | "outside" | "written" | "follow"
  | "lookingAtOwn" | "lookingAround" | "mixLabel" | "inView" | "both" | "shade" | "technical"
  | "writtenNever" | "earlier" | "later" | "closeSentence" | "writtenLabel";

/** Of one kind of method. */
interface MethodWords {
  terms: string;
  layersHint: string;
  wayBack: string;
  name(number: string, step: string, reason: string): string;
  layers(layers: string, one: boolean): string;
  step(step: string, layer: number, filled: boolean): string;
  filledOf(filled: number, layers: number): string;
  size(slots: string, context: string): string;
}

/** Numbers come in already written out, unless they are named as a layer or a similarity. */
interface Words extends Record<Label, string> {
  oneLayer(layer: number): string;
  lookingAt(page: string, name: string): string;
  ofDocuments(share: string): string;
  ofOwn(share: string): string;
  ofInstruction(share: string): string;
  away(share: string, wayBack: string): string;
  methods: Record<"refreshed" | "kept" | "read", MethodWords>;
  writtenWhile(number: string, one: boolean): string;
  gone(number: string, one: boolean): string;
  section(number: string, total: string, title: string): string;
  quotes(number: string, one: boolean): string;
  nears(number: string, one: boolean, most: number): string;
  similar(similarity: number): string;
  scaleAll(pairs: string): string;
  scaleOne(layer: number, heads: number): string;
  changed(entered: string, left: string, stayed: string): string;
  reasons: Record<string, string>;
  sentence(words: string): string;
  which(number: string, last: string, words: string): string;
  heldBy(share: string): string;
  position(number: string): string;
  described(name: string, held: string, tokens: string, layer: number | null): string;
  titled(title: string, name: string, page: string): string;
  most(title: string): string;
  none(tokens: string): string;
}
