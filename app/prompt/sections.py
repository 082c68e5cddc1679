"""A long text in several requests: an outline, then each of its sections. A pure state machine over the draft.

The draft is all there is to know: the outline stands at its top, where the person may edit it before the sections are
written; then comes a line of three hyphens, then the sections. The instruction stays the same throughout, and the draft
only grows at its end, so that each request finds documents, instruction and all earlier sections in the cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from app.prompt.messages import trim_draft
from app.prompt.tasks import TASKS, Shape
from app.say.errors import PromptError

HEADINGS = {"short": 3, "medium": 5, "long": 8}
MOST_HEADINGS = 12
WORDS_PER_SECTION = 250
"""How many sections a text has whose length is given in words."""

HEADING_TOKENS = 24
LEAST_SECTION_TOKENS = 128
TITLE_CHARACTERS = 80
"""A longer heading is cut at its colon or dash: small models explain a heading in its own line."""

_DIVIDER = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)
_NUMBER = r"(?:\d{1,3}(?:\.\d{1,3})+[.):]?|\d{1,3}[.):]|[ivxlc]+[.)]|[IVXLC]+[.)]|[a-zA-Z][.)])"
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*")
_ITEM = re.compile(rf"([ \t]*)([-*+•–][ \t]+(?:\[[ xX]\][ \t]+)?)?(?:({_NUMBER})[ \t]+)?(.*)")
_WORD_NUMBER = re.compile(r"(?:section|chapter|part)\s+(?:\d+|[ivxlc]+)\s*[:.–—-]\s*", re.IGNORECASE)
_BOLD = re.compile(r"(\*\*|__)(.+?)\1\s*(.*)")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an outline: its heading, and the points that stand below it."""

    title: str
    points: tuple[str, ...] = ()


class SectionPlace(NamedTuple):
    """Which section of an outline something is: its number, counted from 1, how many there are, and its heading."""

    number: int
    total: int
    title: str


@dataclass(frozen=True, slots=True)
class Step:
    """The next request. `opening` is appended to the draft, which then is the beginning of the answer.

    section: what is written now, and `place`, which of all that is; None for the outline. stop_strings: the answer ends
    before the first of them, since what they begin belongs to a later step.
    """

    instruction: str
    opening: str
    max_new_tokens: int
    stop_strings: tuple[str, ...]
    section: Section | None = None
    place: SectionPlace | None = None

    def draft(self, draft: str) -> str:
        """The draft with the opening: what the request is made from."""
        return trim_draft(draft) + self.opening


def next_step(draft: str, detail: str = "", shape: Shape | None = None) -> Step | None:
    """What to ask for when the text so far is `draft`: the outline, then section after section; None at the end.

    `detail` and `shape` are those of the task "outline", the same at every step. A section counts as written if its
    heading stands below the line, whatever follows it, so each step brings the end nearer. Raises PromptError for a
    draft in which no outline can be found.
    """
    shape = shape or Shape()
    count = heading_count(shape)
    instruction = f"{TASKS['outline'].instruction(detail, shape)} The outline has {count} headings."
    if not draft.strip():
        stops = (f"\n{count + 1}.", "\n#", "\n---")
        return Step(instruction, TASKS["outline"].opening(detail, shape), HEADING_TOKENS * count, stops)
    sections = parse_outline(draft)
    if not sections:
        raise PromptError(
            "The draft has no outline to write sections from. Write one at its top, a line for each heading with a "
            "number before it, or empty the draft to have one made."
        )
    written = _written(draft)
    left = [section for section in sections if heading_key(section.title) not in written]
    if not left:
        return None
    tokens = _section_tokens(shape, len(sections))
    divider = "" if _DIVIDER.search(draft) else "---\n\n"
    # Below an outline a small model goes on with lists, whatever the instruction says; after a word, it writes prose.
    word = "The" if shape.english else ""
    opening = f"{gap(draft)}{divider}## {left[0].title}\n\n{word}"
    place = SectionPlace(sections.index(left[0]) + 1, len(sections), left[0].title)
    return Step(instruction, opening, tokens, ("\n# ", "\n## ", "\n---"), left[0], place)


def tokens_to_come(draft: str, detail: str = "", shape: Shape | None = None) -> int:
    """The most tokens that all steps from `draft` on write together. Raises PromptError as `next_step` does."""
    shape = shape or Shape()
    step = next_step(draft, detail, shape)
    if step is None:
        return 0
    if step.section is None:
        count = heading_count(shape)
        return step.max_new_tokens + count * (HEADING_TOKENS + _section_tokens(shape, count))
    sections, written = parse_outline(draft), _written(draft)
    left = sum(heading_key(section.title) not in written for section in sections)
    return left * (HEADING_TOKENS + step.max_new_tokens)


def _section_tokens(shape: Shape, sections: int) -> int:
    return max(LEAST_SECTION_TOKENS, TASKS["outline"].max_new_tokens(shape) // sections)


def heading_count(shape: Shape) -> int:
    """How many headings are asked for."""
    if isinstance(shape.length, int):
        return min(max(2, round(shape.length / WORDS_PER_SECTION)), MOST_HEADINGS)
    return HEADINGS[shape.length or "medium"]


def parse_outline(text: str) -> tuple[Section, ...]:
    """The sections of the outline at the top of `text`, up to a line of three hyphens; none if there is none.

    Numbered, bulleted and indented lists and Markdown headings are understood. The sections are the items of the
    outermost level that has two of them, so that a lone title is none; what stands below one are its points. A heading
    that occurs again is left out. Of a list, lines that are no items are left out.
    """
    items = list(_items(_DIVIDER.split(text, maxsplit=1)[0]))
    level = _section_level([level for level, _ in items])
    found: dict[str, tuple[str, list[str]]] = {}
    points: list[str] | None = None
    for depth, title in items:
        if depth == level:
            repeated = heading_key(title) in found
            points = found.setdefault(heading_key(title), (title, []))[1] if not repeated else None
        elif depth > level and points is not None:
            points.append(title)
    return tuple(Section(title, tuple(points)) for title, points in found.values())


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Depth and title of each line that is a heading or stands in a list."""
    heading = 0
    for line in text.splitlines():
        if match := _HEADING.fullmatch(line):
            depth = heading = 1000 * len(match[1])
            title = _title(_unnumbered(match[2]))
        elif match := _ITEM.fullmatch(line):
            indent, bullet, number, rest = match.groups()
            if not bullet and not number and not _is_bold(line):
                continue
            depth, title = heading + 1000 + 10 * len(indent.expandtabs(4)) + _rank(bullet, number), _title(rest)
        else:
            continue
        if title:
            yield depth, title


def _rank(bullet: str | None, number: str | None) -> int:
    """How deep an item stands by its mark, for lists without indents: 1. above 1.1, above a), above a bullet."""
    if number and number[0].isdecimal():
        return len(re.findall(r"\d+", number)) - 1
    return 7 if number and number.islower() else 8 if bullet and not number else 0


def _is_bold(line: str) -> bool:
    """Whether the line is nothing but a bold heading."""
    match = _BOLD.fullmatch(line.strip())
    return bool(match and not match[3])


def _title(text: str) -> str:
    """A heading without its marks, its number and what explains it."""
    text = text.strip()
    if bold := _BOLD.match(text):
        text = _unnumbered(bold[2])
    text = _WORD_NUMBER.sub("", text).strip(' \t*_`:"“”')
    if len(text) > TITLE_CHARACTERS:
        text = re.split(r":\s|\s[-–—]\s", text, maxsplit=1)[0]
    return text.strip()


def _unnumbered(text: str) -> str:
    return re.sub(rf"^{_NUMBER}\s+(?=\S)", "", text)


def _section_level(levels: list[int]) -> int:
    """The outermost level with two items; else the innermost, since what stands alone above others is their title."""
    several = [level for level in levels if levels.count(level) > 1]
    return min(several) if several else max(levels, default=0)


def _written(draft: str) -> set[str]:
    """The headings, down to the second level, below the line: as they are, and without numbers."""
    _, *body = _DIVIDER.split(draft, maxsplit=1)
    matches = [_HEADING.fullmatch(line) for part in body for line in part.splitlines()]
    titles = [match[2] for match in matches if match and len(match[1]) <= 2]
    return {heading_key(title) for title in titles} | {heading_key(_title(_unnumbered(title))) for title in titles}


def heading_key(title: str) -> str:
    """What is left of a title that differs in nothing but marks, blanks and case."""
    return " ".join(re.findall(r"\w+", title.casefold()))


def gap(draft: str) -> str:
    """The line ends that make a blank line after `draft`."""
    text = trim_draft(draft)
    return "\n" * max(0, 2 - (len(text) - len(text.rstrip("\n"))))
