// A key that an input method takes (to confirm a conversion, say) acts nowhere on the page. Safari tells of the end of a
// conversion before the key that ended it, which then is known by its code alone.
for (const kind of /** @type {("keydown" | "keypress")[]} */ (["keydown", "keypress"])) {
  addEventListener(kind, (event) => {
    if (event.isComposing || event.keyCode === 229) event.stopImmediatePropagation();
  }, true);
}
