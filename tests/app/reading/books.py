"""Documents made up for tests: chapters of plain sentences, of which no two are the same."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise, product

from hypothesis import strategies as st

from app.documents import Document, Heading, Page

SUBJECTS = (
    "The keeper of {} wrote the hour of every tide in his book.",
    "A pilot from {} brought two barrels of oil in the spring.",
    "The harbour at {} froze for a month in the hardest winters.",
    "Ships on their way to {} waited for the fog to lift.",
    "The tower above {} was built of granite from the islands.",
    "Nobody in {} could say who had lit the first lamp.",
)


def names() -> Iterator[str]:
    """Words that nothing else has, one after another."""
    syllables = ("ba", "ko", "ri", "tu", "me", "lo", "sa", "vi")
    yield from ("".join(parts).capitalize() for parts in product(syllables, repeat=4))


def book(chapters: Sequence[tuple[str, Sequence[int]]], name: str = "book.txt", pages: int = 1_500) -> Document:
    """A document of such chapters: title, and for each paragraph how many sentences. A page has at most that many
    characters, and ends after a word, wherever that is."""
    found, text, heads = names(), "", []
    for title, paragraphs in chapters:
        heads.append((len(text), title))
        text += f"{title}\n\n" if title else ""
        for count in paragraphs:
            said = [SUBJECTS[number % len(SUBJECTS)].format(name) for number, name in enumerate(islice(found, count))]
            text += " ".join(said) + "\n\n"
    starts = [0]
    while len(text) - starts[-1] > pages:
        starts.append(max(text.rfind(sign, 0, starts[-1] + pages) for sign in " \n") + 1)
    headings = []
    for at, title in heads:
        page = bisect_right(starts, at)
        headings += [Heading(page, at - starts[page - 1], 1, title)] if title else []
    cut = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    return Document(name, tuple(Page(number, None, page) for number, page in enumerate(cut, 1)), (), tuple(headings))


TITLES = (
    "The Lamps",
    "2. Of Fog",
    "Chapter 3: Oil",
    "Boats",
    "A Winter Alone",
    "The Last Storm",
    "B Appendix of Tides",
)


@st.composite
def books(draw: st.DrawFn, headed: bool | None = None) -> Document:
    """With chapters, or if it is not `headed` without headings."""
    count = draw(st.integers(1, len(TITLES)))
    lengths = [draw(st.lists(st.integers(1, 9), min_size=1, max_size=10)) for _ in range(count)]
    with_titles = draw(st.booleans()) if headed is None else headed
    titles = TITLES if with_titles else ("",) * count
    return book(list(zip(titles, lengths, strict=False)), pages=draw(st.integers(300, 3_000)))
