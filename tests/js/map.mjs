// A made-up run for the tests of the map's scripts.

/** Bytes as a message carries them. */
export const base64 = (...bytes) => Buffer.from(bytes).toString("base64");

/** Two pages of three tokens each behind two tokens of instructions, one token after them; two layers with two heads. */
export const START = {
  pieces: ["One", " two", "\n", "Three", " four", "."],
  documentStart: 2,
  pages: [[2, "1", "report.pdf · page 1", "report.pdf"], [5, "2", "report.pdf · page 2", "report.pdf"]],
  layers: [0, 3],
  heads: 2,
  slots: 2,
  promptTokens: 9,
  draftTokens: 0,
};

/** Steps from the n-th on, of which each wrote one of the texts. */
export const steps = (first, full, ...texts) => ({ first, full, texts: full.map((_, i) => texts[i] ?? ""), at: 0 });

/** The refresh of a number, in step 10 * number, with these bytes by prompt position. */
export const refresh = (number, ...levels) => ({
  number, step: 10 * number, reason: number ? "stride" : "prefill", layers: [0, 3], kept: base64(...levels),
});
