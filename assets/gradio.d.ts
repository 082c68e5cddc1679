// What Gradio gives to the script of a gr.HTML, which it runs as the body of a function.

/** The component's own. */
declare const element: Template;
/** Of the component. A value is a message as JSON, or null for none yet. */
declare const props: { readonly value: string | null };
/** Tells the server of an event. */
declare function trigger(name: string, data?: object): void;
/** Calls back whenever the property has changed. */
declare function watch(property: "value", changed: () => void): void;
