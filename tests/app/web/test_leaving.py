"""Programs that go away, or come when there is no room: nothing is done or kept for who does not listen."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.server_messages import ProcessGeneratingMessage

from app.documents import Document, Page, Progress
from app.engine.caller import Caller
from app.engine.queue import QueueFullError
from app.intake import Job, Waiting, Wanted
from app.project.commands import Commands
from app.say.errors import ReadingStopped
from app.web import mailboxes
from app.web.api import reading
from app.web.api.endpoints import Tools
from app.web.api.inputs import errors_told
from app.web.mailboxes import Mailboxes
from app.web.presence import Presence

DOCUMENT = Document("rock.txt", (Page(1, None, "The lamp was lit."),))


class PatientReader:
    """Has its turn only after who asked was looked for some times."""

    def __init__(self, looks: int) -> None:
        self.looks, self.stopped = looks, False

    def read(
        self, job: Job, progress: Progress | None = None, wanted: Wanted | None = None, waiting: Waiting | None = None
    ) -> Document:
        for _ in range(self.looks):
            if wanted is not None and not wanted():
                self.stopped = True
                raise ReadingStopped("{}: reading it was stopped. Add it again.", job.name)
        return DOCUMENT


def calls(tools: Tools, file: dict[str, Any], request: Any) -> list[Callable[[], Any]]:
    """All that reads files."""

    async def streamed(stream: Any) -> Any:
        return [answer async for answer in stream]

    return [
        lambda: tools.read_document(file, request=request),
        lambda: tools.check_budget([file], request=request),
        lambda: asyncio.run(streamed(tools.write([file], request=request))),
        lambda: asyncio.run(streamed(tools.compare([file], ["RefreshKV", "FullAttention"], request=request))),
    ]


@pytest.mark.parametrize("call", range(4))
def test_files_are_not_read_on_for_a_client_that_left(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(reading, "AWAY_SECONDS", 0.0)
    (tmp_path / "rock.txt").write_text("The lamp was lit.")
    reader, request = PatientReader(50), gr.Request(session_hash="a client", headers={})
    tools = Tools(commands, reader, lambda _: Caller("a client", lambda: False, kept=False))
    with pytest.raises(gr.Error, match="reading it was stopped"):
        calls(tools, {"path": str(tmp_path / "rock.txt")}, request)[call]()
    assert reader.stopped


def test_files_are_read_for_a_client_that_listens(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "rock.txt").write_text("The lamp was lit.")
    reader, request = PatientReader(50), gr.Request(session_hash="a client", headers={})
    tools = Tools(commands, reader, lambda _: Caller("a client", kept=False))
    assert tools.read_document({"path": str(tmp_path / "rock.txt")}, request=request)["page_count"] == 1
    assert not reader.stopped


@pytest.mark.parametrize(("seconds", "again"), [(41.2, 42), (0.0, 1), (None, 30)])
def test_a_full_queue_tells_a_program_its_number_and_when_to_call_again(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, seconds: float | None, again: int
) -> None:
    monkeypatch.setattr(commands.engine, "seconds_to_a_place", lambda: seconds)
    with pytest.raises(gr.Error) as refusal, errors_told(commands.engine):
        raise QueueFullError("{} people are waiting already", 4)
    assert refusal.value.message == (
        "4 runs wait already, as many as can (REFRESHKV_QUEUE_SIZE), so that this one would be number 5. Call again in "
        f"about {again} seconds."
    )


def test_messages_that_nobody_reads_are_thrown_away_and_their_calls_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    presence = Presence(lambda: now)
    presence.watched(lambda *_: None)  # type: ignore[arg-type, return-value]
    with gr.Blocks() as blocks:
        gr.api(lambda: "text", api_name="write")
    kept = Mailboxes(blocks, presence)
    queue = blocks._queue

    async def tended() -> list[str]:
        await kept.tend()
        return sorted(queue.pending_messages_per_session)

    async def journey() -> None:
        nonlocal now
        for session, count in (("reads", 3), ("left", 3), ("never read", 0), ("slow", mailboxes.MOST_MESSAGES + 1)):
            queue.pending_messages_per_session[session] = asyncio.Queue()
            queue.pending_event_ids_session[session] = {f"{session} 1"}
            for _ in range(count):
                queue.pending_messages_per_session[session].put_nowait(
                    ProcessGeneratingMessage(output={}, success=True)
                )
        presence._came("reads")
        assert await tended() == ["left", "never read", "reads"]
        now = mailboxes.UNREAD_SECONDS + 1
        assert await tended() == ["never read", "reads"]
        assert sorted(queue.pending_event_ids_session) == ["never read", "reads"]

    asyncio.run(journey())
