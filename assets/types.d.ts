/** The announcer's template is one node, which is always there. */
type Template = { querySelector(selector: "[role=status]"): HTMLElement } & HTMLElement;
/** The languages that the server speaks, put before language.js. */
declare const LANGUAGES: string[];
