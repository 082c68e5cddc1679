// The headings of a Markdown draft: lines that begin with #, and lines that are underlined, outside of fenced code.
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/, HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$/, UNDERLINE = /^ {0,3}(=+|-{2,})[ \t]*$/;
const NO_TITLE = /^(?:[ \t]*$| {4}|\t| {0,3}(?:[-*+>|#]|\d+[.)])[ \t]?)/;

/** @returns {{level: number, title: string, start: number, line: number}[]} `start`: in UTF-16 units. */
function headings(text) {
  const found = [];
  let fence = "", start = 0, before = "", beforeStart = 0;
  for (const [line, content] of text.split("\n").entries()) {
    const mark = FENCE.exec(content), heading = fence || mark ? null : HEADING.exec(content);
    if (mark && fence) fence = mark[1].startsWith(fence) && !mark[2].trim() ? "" : fence;
    else if (mark && !(mark[1][0] === "`" && mark[2].includes("`"))) fence = mark[1];
    if (heading) found.push({ level: heading[1].length, title: bare(heading[2] ?? ""), start, line });
    const under = fence || mark || heading ? null : UNDERLINE.exec(content);
    if (under && before) found.push({ level: under[1][0] === "=" ? 1 : 2, title: bare(before), start: beforeStart, line: line - 1 });
    // Of a paragraph of several lines only the last is taken.
    before = fence || mark || heading || under || NO_TITLE.test(content) ? "" : content;
    beforeStart = start;
    start += content.length + 1;
  }
  return found.filter(({ title }) => title);
}

/** Without the marks of emphasis, code and links. */
function bare(title) {
  return title.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/\\([\\`*_~[\]#])|[*`~]+|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, "$1").trim();
}
