"""Texts with marks of their own: LaTeX, Org and reStructuredText. Headings become those of Markdown; equations stay."""

from __future__ import annotations

import re
import unicodedata

from app.documents import markdown
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import find_headings, marked_headings
from app.documents.repair import clean
from app.documents.small_letters import lowered, raised
from app.documents.text import decode
from app.say.errors import EmptyFile
from app.say.wording import Message
from app.text.valid import is_visible

_LEVELS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
}
_COMMENT = re.compile(r"(?<!\\)%.*?(?:\n[ \t]*|$)")
_SECTION = re.compile(
    r"\\(part|chapter|section|subsection|subsubsection|paragraph|subparagraph)\*?\s*(?:\[[^\]\n]*\])?\{"
)
_NAMED = re.compile(
    r"\\(title|author|date|footnote|footnotetext|thanks|caption|textsuperscript|textsubscript)\s*(?:\[[^\]\n]*\])?\{"
)
_NOTED = re.compile(r"\\footnotemark(?![A-Za-z])\s*(?:\[[^\]\n]*\])?(?:\{\})?")
_ITEM = re.compile(r"\\item\s*\[([^\]\n]{0,80})\]")
_ACCENT = re.compile(r"\\(['`^\"~=.]|[cvHukr](?=[ {]))[ ]*\{?\\?([A-Za-zı])\}?")
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
            "c": "\u0327", "v": "\u030c", "H": "\u030b", "u": "\u0306", "k": "\u0328", "r": "\u030a"}  # fmt: skip
_LETTERS = {"ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å",
            "AA": "Å", "i": "ı", "S": "§", "dots": "…", "ldots": "…", "textbackslash": "\\", "LaTeX": "LaTeX",
            "TeX": "TeX", "quad": " ", "qquad": " ", "newline": "\n", "par": "\n\n", "item": "\n- "}  # fmt: skip
_REFERENCES = re.compile(
    r"\\(?:eq|page|auto|c|C|name)?ref\*?\{([^{}]*)\}|\\(?:no)?cite\w*\*?(?:\[[^\]\n]*\])*\{([^{}]*)\}"
)
_MATHEMATICS = re.compile(
    r"\$\$.*?\$\$|(?<!\\)\$[^$]*(?<!\\)\$|\\\[.*?\\\]|\\\(.*?\\\)"
    r"|\\begin\{(equation|align|gather|multline|eqnarray|displaymath|math|verbatim|lstlisting)(\*?)\}.{0,3000}?\\end\{\1\2\}",
    re.DOTALL,
)
_CONTEXT = 40
_BRACE = re.compile(r"(?<!\\)[{}]")
_KEPT = "\ue000{}\ue001"  # stands for mathematics while the rest is changed
_DROPPED = re.compile(
    r"\\(?:label|index|vspace|hspace|includegraphics|bibliographystyle|bibliography|usepackage|input|include|setlength|"
    r"pagestyle|thispagestyle|hypertarget|setcounter|addcontentsline|begin|end)\*?(?:\[[^\]\n]*\])?(?:\{[^{}]*\})*"
)
_UNREAD = re.compile(r"\\(?:input|include)(?:\s*\{([^{}]*)\}|[ \t]+([\w./-]+))")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?[ \t]*(?:\[[^\]\n]{0,80}\])?")


def read_tex(data: bytes, job: FileInput) -> Document:
    """A LaTeX text, without its preamble and its commands, as one page. Mathematics stays as it was written."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    unread = list(filter(None, ((found[1] or found[2] or "").strip() for found in _UNREAD.finditer(text))))
    if unread:
        notes += (Message("It puts in other files, which were not read: {}. Add them too.", ", ".join(unread[:5])),)
    return _marked(tex_text(text), job, notes)


def tex_text(source: str) -> str:
    """What a LaTeX source says, with Markdown headings, lists and notes."""
    text = _COMMENT.sub(lambda found: "\n\n" if "\n\n" in found[0] else "", source)
    preamble, begin, body = text.partition("\\begin{document}")
    closed = _braces(preamble) if begin else {}
    titles = [
        preamble[found.end() : closed.get(found.end() - 1, found.end())]
        for found in _NAMED.finditer(preamble)
        if found[1] == "title"
    ]
    text = (f"\\chapter{{{titles[0]}}}\n\n" if titles and begin else "") + (body if begin else text)
    text = text.partition("\\end{document}")[0]
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return _KEPT.format(len(kept) - 1)

    text = _MATHEMATICS.sub(keep, text)
    text = _ACCENT.sub(lambda found: unicodedata.normalize("NFC", found[2] + _ACCENTS[found[1]]), text)
    text = _with_arguments(text)
    text = re.sub(r"\s*(?<!\\)&\s*", " | ", text.replace("\\\\", "\n"))
    text = _REFERENCES.sub(lambda found: f"[{found[1] or found[2] or ''}]", text)
    text = _ITEM.sub(lambda found: f"\\item {found[1]}", text)
    text = _DROPPED.sub("\n", _UNREAD.sub("\n", text))
    text = _COMMAND.sub(lambda found: _LETTERS.get(found[1], ""), text)
    text = re.sub(
        r"\\([%&$#_{}])", lambda found: "\ue010" if found[1] == "{" else "\ue011" if found[1] == "}" else found[1], text
    )
    text = re.sub(r"[{}]|\\[,;:!/> -]", lambda found: " " if found[0] in ("\\ ", "\\,", "\\;") else "", text)
    text = text.replace("\ue010", "{").replace("\ue011", "}")
    for ascii_form, sign in (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("~", " ")):
        text = text.replace(ascii_form, sign)
    text = re.sub(r"\ue000(\d+)\ue001", lambda found: kept[int(found[1])], text)
    return re.sub(r"\n\n+", "\n\n", re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]+", " ", text))).strip()


def _with_arguments(text: str) -> str:
    """Sections as headings, and notes apart from the text."""
    parts: list[str] = []
    notes: list[str] = []
    done = count = 0
    closed = _braces(text)
    for found in re.finditer(f"{_SECTION.pattern}|{_NAMED.pattern}|{_NOTED.pattern}", text):
        if found[0].startswith("\\footnotemark") and found.start() >= done:
            count += 1
            parts += [text[done : found.start()], f" [^{count}]"]
            done = found.end()
            continue
        end = closed.get(found.end() - 1)
        if found.start() < done or end is None:
            continue
        inner = text[found.end() : end]
        parts.append(text[done : found.start()])
        done = end + 1
        if found[1]:
            parts += [f"\n\n{note}" for note in notes]
            notes = []
            parts.append(f"\n\n{markdown.heading(_LEVELS[found[1]], inner)}\n\n")
        elif found[2] in ("footnote", "thanks", "footnotetext"):
            count += found[2] != "footnotetext"  # which is that of the mark before
            parts += [f" [^{count}]"] if found[2] != "footnotetext" else []
            notes.append(f"[^{count}]: {' '.join(inner.split())}")
        elif found[2] in ("textsuperscript", "textsubscript"):
            before = parts[-1].rpartition("\n")[2][-_CONTEXT:]
            raises = found[2] == "textsuperscript"
            small = raised(inner, before, text[done : done + _CONTEXT]) if raises else lowered(inner, before)
            parts.append(re.sub(r"[_{}]", r"\\\g<0>", small))  # no signs of LaTeX's any more
        elif found[2] == "caption":
            parts.append(f"\n\n{inner}\n\n")
    return "".join([*parts, text[done:], *(f"\n\n{note}" for note in notes)])


def _braces(text: str) -> dict[int, int]:
    """Where each opening brace is closed."""
    closed: dict[int, int] = {}
    opened: list[int] = []
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif opened:
            closed[opened.pop()] = found.start()
    return closed


_ORG_HEADING = re.compile(r"(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING)\s+)?(?:\[#[A-C]\]\s+)?(.*?)(?:\s+:[\w@:]+:)?\s*$")
_ORG_LINK = re.compile(r"\[\[([^\[\]]+)\](?:\[([^\[\]]*)\])?\]")
_ORG_RULE = re.compile(r"\s*\|-[-+]*\|?\s*")
_ORG_DRAWER = re.compile(r"\s*:[A-Z_]+:\s*")


def read_org(data: bytes, job: FileInput) -> Document:
    """An Org text as one page: stars become Markdown headings; drawers and settings are left out."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    lines = []
    fenced = drawer = False
    titled = 0  # levels that the title takes
    for line in text.split("\n"):
        if drawer or (not fenced and _ORG_DRAWER.fullmatch(line)):
            drawer = line.strip() != ":END:"
            continue
        setting = line.strip().lower()
        if setting.startswith(("#+begin_src", "#+begin_example", "#+end_src", "#+end_example")):
            fenced = setting.startswith("#+begin")
            lines.append("```")
        elif fenced:
            lines.append(line)
        elif setting.startswith("#+title:"):
            lines.append(markdown.heading(1, line.strip()[8:]))
            titled = 1
        elif _ORG_RULE.fullmatch(line):
            lines.append(f"|{' --- |' * (line.count('+') + 1)}")
        elif not setting.startswith("#"):
            heading = _ORG_HEADING.match(line)
            shown = _ORG_LINK.sub(lambda link: link[2] or link[1], line)
            lines.append(markdown.heading(len(heading[1]) + titled, heading[2]) if heading else shown)
    return _marked("\n".join(lines), job, notes)


_RST_ROLE = re.compile(r":[\w:+-]+:`([^`<]+?)(?:\s*<[^`>]*>)?`")
_RST_LINK = re.compile(r"`([^`<>]+?)\s*<[^`>]*>`__?")


def read_rst(data: bytes, job: FileInput) -> Document:
    """A reStructuredText as it stands, one page; roles and links are their texts. Its headings are underlined."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    text = _RST_LINK.sub(r"\1", _RST_ROLE.sub(r"\1", text)).replace("\f", "\n")
    pages = clean([_visible(text, job)], [None])
    return Document(job.name, pages, notes, find_headings(job.name, pages))


def _marked(text: str, job: FileInput, notes: tuple[Message, ...]) -> Document:
    pages = clean([_visible(text, job)], [None])
    return Document(job.name, pages, notes, marked_headings(pages))


def _visible(text: str, job: FileInput) -> str:
    if not is_visible(text):
        raise EmptyFile("{} holds no text that can be seen. Choose another file.", job.name)
    return text
