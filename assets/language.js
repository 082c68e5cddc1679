// Tells screen readers, and the rules of line breaking, the page's language; Gradio says English of every page.
const spoken = LANGUAGES.filter((offered) => `${navigator.language}-`.startsWith(`${offered}-`)).pop();
if (spoken) document.documentElement.lang = spoken;
