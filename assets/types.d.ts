/** The announcer's template is one node, which is always there. */
type Template = { querySelector(selector: "[role=status]"): HTMLElement } & HTMLElement;
