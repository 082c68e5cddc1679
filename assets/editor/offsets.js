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
