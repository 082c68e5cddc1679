"""Messages of reading processes: what can be made of them."""

import io
import os
import pickle
from typing import Any

import pytest

from app.documents import Document, Heading, Origin, Page, Recognised, RemovedLine
from app.intake.wire import Advanced, Failed, OutOfMemory, Read, Ready, Refused, answer_in, packed, receive, send
from app.say.errors import AppError, WrongPassword
from app.say.wording import Message

DOCUMENT = Document(
    "a.pdf",
    (Page(1, "i", "The lamp", Origin("The  lamp", (0, 4), (0, 5))),),
    (Message("{} of {}", 1, Message("two")),),
    (Heading(1, 0, 1, "The lamp"),), (RemovedLine(1, "7"),),
    recognised=Recognised((1,), "deu+eng"),
)  # fmt: skip


@pytest.mark.parametrize("answer", [Ready(), Advanced(1, 2), Read(DOCUMENT), OutOfMemory(), Failed("KeyError", "…")])
def test_answers_arrive_as_they_were_sent(answer: Any) -> None:
    assert answer_in(packed(answer)) == answer


@pytest.mark.parametrize(
    "error", [WrongPassword("{}: {}.", "a.pdf", Message("no")), PermissionError(13, "no", "a.pdf")]
)
def test_errors_arrive_as_they_were_raised(error: Any) -> None:
    arrived = answer_in(packed(Refused(error)))
    assert isinstance(arrived, Refused)
    assert (type(arrived.error), arrived.error.args) == (type(error), error.args)


class Runs:
    """Would run a program where it is made."""

    def __reduce__(self) -> Any:
        return os.system, ("true",)


@pytest.mark.parametrize("value", [Runs(), Refused(AppError("no")), Read(Runs()), "text", eval, Refused(KeyError("a"))])  # type: ignore[arg-type]
def test_nothing_else_is_made_of_a_message(value: object) -> None:
    with pytest.raises(pickle.UnpicklingError):
        answer_in(packed(value))


def test_messages_end_with_the_stream_and_are_no_longer_than_may_be() -> None:
    stream = io.BytesIO()
    for value in (Ready(), Advanced(1, 2)):
        send(stream, value)
    stream.write(b"\0\0\0\0\0\0\0\5only")
    stream.seek(0)
    received = [receive(stream, lambda: 1000) for _ in range(3)]
    assert received == [packed(Ready()), packed(Advanced(1, 2)), None]
    stream.seek(0)
    assert receive(stream, lambda: 10) is None
