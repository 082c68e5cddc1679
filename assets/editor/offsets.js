// The server counts characters (code points), the browser UTF-16 units: those outside the first plane are two of them.
const SURROGATES = /[\ud800-\udbff][\udc00-\udfff]/g;

/** @param {string} text @param {number} unit @returns {number} the characters before that unit */
function toCharacters(text, unit) {
  const pairs = text.slice(0, unit).match(SURROGATES);
  return unit - (pairs ? pairs.length : 0);
}

/** @param {string} text @param {number} character @returns {number} the units before that character */
function toUnits(text, character) {
  let unit = 0;
  for (let left = character; left > 0 && unit < text.length; left--) unit += /** @type {number} */ (text.codePointAt(unit)) > 0xffff ? 2 : 1;
  return unit;
}

// As app/text/valid.py makes it: half a surrogate pair becomes U+FFFD, and control characters go.
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
// eslint-disable-next-line no-control-regex -- they are what goes
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;

/** @param {string} text */
function valid(text) {
  return text.replace(HALF, "\ufffd").replace(CONTROL, "");
}
