// Tells screen readers, and the rules of line breaking, that it is Japanese; Gradio says English of every page.
if (navigator.language.startsWith("ja")) document.documentElement.lang = "ja";
