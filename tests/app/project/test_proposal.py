"""A proposal that is decided piece by piece, in a draft that is edited meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from app.project.insertion import Insertion, InsertionPoint
from app.project.proposal import Proposal

OLD = "The lamp was lit at dusk. It was cold. Fog came from the sea that night."
NEW = "The lamp was kindled at dusk. Fog came from the north that night."
BEFORE, AFTER = "Before it. ", " After it."
DRAFT = BEFORE + OLD + AFTER


def proposed(old: str = OLD, new: str = NEW) -> Proposal:
    return Proposal.of(Insertion(InsertionPoint(BEFORE, old, AFTER), proposes=True, text=new))


def opened(proposal: Proposal) -> list[int]:
    return [number for number, piece in enumerate(proposal.pieces) if piece.state == "open"]


TEXTS = st.lists(
    st.sampled_from(["the ", "lamp ", "burned ", "light. ", "A ", "\n\n", "- ", "灯", "台。"]), max_size=25
).map("".join)


@given(TEXTS, TEXTS, st.data())
def test_any_answers_in_any_order_make_a_text_between_the_two(old: str, new: str, data: st.DataObject) -> None:
    proposal = proposed(old, new)
    draft = BEFORE + old + AFTER
    order = data.draw(st.permutations(opened(proposal)))
    answers = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    chosen = dict(zip(order, answers, strict=True))
    expected = "".join(piece.new if chosen.get(number) else piece.old for number, piece in enumerate(proposal.pieces))
    for number, accept in chosen.items():
        decided = proposal.decided(accept, number)
        draft = decided.put_into(draft, proposal)
        proposal = decided
        assert draft[proposal.start : proposal.end] == proposal.old
    assert draft == BEFORE + expected + AFTER
    assert proposal.settled
    assert expected == (new if all(answers) else old if not any(answers) else expected)


def test_all_at_once_is_what_is_open() -> None:
    proposal = proposed()
    first, second, third = opened(proposal)
    left = proposal.decided(accept=False, number=second)
    assert opened(left) == [first, third]
    taken = left.decided(accept=True)
    assert taken.old == "The lamp was kindled at dusk. It was cold. Fog came from the north that night."
    assert left.decided(accept=False).old == OLD
    assert proposal.decided(accept=True).old == proposal.text == NEW


def test_what_is_decided_or_is_no_piece_is_not_decided_again() -> None:
    proposal = proposed()
    once = proposal.decided(accept=True, number=opened(proposal)[0])
    assert once.decided(accept=False, number=opened(proposal)[0]) == once
    assert once.decided(accept=True, number=99) == once.decided(accept=True, number=0) == once


def test_undo_opens_a_piece_again_and_redo_accepts_it() -> None:
    proposal = proposed()
    first, second, _ = opened(proposal)
    one = proposal.decided(accept=True, number=first)
    draft_one = one.put_into(DRAFT, proposal)
    two = one.decided(accept=True, number=second)
    draft_two = two.put_into(draft_one, one)
    assert two.edited(draft_two, draft_one) == one
    assert one.edited(draft_one, DRAFT) == proposal
    assert proposal.edited(DRAFT, draft_one) == one


def test_edits_beside_the_passage_and_in_what_both_have_are_followed() -> None:
    proposal = proposed()
    draft = DRAFT
    for old, new in (
        ("Before", "Long before"),
        ("After it.", "After all."),
        ("that night", "that very night"),
        ("The", "A"),
    ):
        text = draft.replace(old, new, 1)
        proposal = proposal.edited(draft, text)
        draft = text
        assert draft[proposal.start : proposal.end] == proposal.old
        assert not proposal.outdated
    assert proposal.decided(accept=True).put_into(draft, proposal) == (
        "Long before it. A lamp was kindled at dusk. Fog came from the north that very night. After all."
    )


def test_an_edit_over_what_is_to_be_decided_makes_it_out_of_date() -> None:
    proposal = proposed()
    for old, new in (("lit", "burning"), ("cold", "warm"), ("lit at dusk", "out"), (OLD, "")):
        assert proposal.edited(DRAFT, DRAFT.replace(old, new)).outdated
    stale = proposal.edited(DRAFT, DRAFT.replace("lit", "burning"))
    assert stale.edited("a", "b") is stale


@given(st.text("ab .", max_size=8), st.integers(0, len(DRAFT)), st.integers(0, len(DRAFT)))
def test_after_any_edit_it_fits_its_passage_or_says_that_it_does_not(new: str, one: int, other: int) -> None:
    start, end = sorted((one, other))
    text = DRAFT[:start] + new + DRAFT[end:]
    followed = proposed().edited(DRAFT, text)
    assert followed.outdated or text[followed.start : followed.end] == followed.old
