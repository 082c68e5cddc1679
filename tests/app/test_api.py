"""The endpoints through gradio_client, and the tools as an MCP client sees them, on a tiny model."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError as Refused

from app.api import add_api
from app.engine import Engine
from app.settings import Settings
from app.trace import read_trace
from tests.core.tiny import byte_tokenizer, tiny_model

TEXT = "The light stood on the rock for a hundred years. "
NAMES = {"write", "read_document", "check_budget", "export_draft", "trace"}


@dataclass
class Served:
    engine: Engine
    url: str

    def client(self) -> Client:
        return Client(self.url, verbose=False)


@pytest.fixture
def served(one_thread: None) -> Iterator[Served]:
    engine = Engine(lambda report: (tiny_model(), byte_tokenizer()), queue_size=4)
    engine.start()
    engine.require_model(timeout=60)
    with gr.Blocks(analytics_enabled=False) as page:
        add_api(engine, Settings(_env_file=None, max_new_tokens_limit=900))
    _, url, _ = page.queue().launch(prevent_thread_lock=True, quiet=True, mcp_server=True)
    yield Served(engine, url)
    page.close()
    engine.close()


@pytest.fixture
def rock(tmp_path: Path) -> Path:
    path = tmp_path / "rock.txt"
    path.write_text(TEXT + "\f" + TEXT)
    return path


def write(client: Client, files: list[Any], new: int = 20, **options: Any) -> Any:
    return client.submit(
        files=files, instruction="Tell it.", max_tokens=new, temperature=0, stride=5, seed=1, **options,
        api_name="/write",
    )  # fmt: skip


def test_write_streams_and_its_trace_can_be_had(served: Served, rock: Path) -> None:
    client = served.client()
    job = write(client, [handle_file(rock)])
    last = job.result(timeout=60)
    texts = [message["text"] for message in job.outputs()]
    assert all(last["text"].startswith(text) for text in texts)
    assert (last["state"], last["reason"]) == ("finished", "length")
    figures = last["statistics"]
    assert (figures["generatedTokens"], figures["fullSteps"], figures["partialSteps"]) == (20, 3, 16)
    trace = read_trace(Path(client.predict(run=last["run"], api_name="/trace")).read_bytes())
    assert "".join(token.text for token in trace.tokens) == last["text"]


def test_two_clients_at_once_get_what_each_would_get_alone(served: Served) -> None:
    def written(instruction: str) -> str:
        client = served.client()
        return str(client.submit([], instruction, max_tokens=40, temperature=0, api_name="/write").result(60)["text"])

    alone = [written("One."), written("Two.")]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(written, ["One.", "Two."])) == alone
    assert alone[0] != alone[1]


def test_a_document_is_read_by_page(served: Served, rock: Path) -> None:
    read = served.client().predict(handle_file(rock), "2", api_name="/read_document")
    assert [(page["number"], page["text"].strip()) for page in read["pages"]] == [(2, TEXT.strip())]


def test_the_budget_says_what_fits(served: Served, rock: Path) -> None:
    client = served.client()
    small, large = (
        client.predict([handle_file(rock)], "Tell it.", max_tokens=new, api_name="/check_budget") for new in (10, 1000)
    )
    assert (small["fits"], small["choices"]) == (True, [])
    assert not large["fits"]
    assert large["choices"]
    assert large["total"] - small["total"] == 990


def test_a_draft_is_exported(served: Served) -> None:
    path = served.client().predict("# Rock\n\nLight.", "md", "My rock", api_name="/export_draft")
    assert "Light." in Path(path).read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        str(Path(__file__).parents[2] / "requirements.txt"),
        "/tmp/gradio/../../etc/passwd",
        "https://example.org/a.txt",
        None,
    ],
)
def test_a_path_that_was_not_uploaded_is_refused(served: Served, path: str | None) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    # gradio_client would upload the file at that path: what a hostile client does is send the path itself.
    call = f"{served.url}gradio_api/call/read_document"
    event = httpx.post(call, json={"data": [file, "", ""]}).json()["event_id"]
    answer = httpx.get(f"{call}/{event}", timeout=60).text
    assert "event: error" in answer
    assert "event: complete" not in answer
    assert "root:" not in answer


def test_errors_are_told_in_our_words(served: Served) -> None:
    client = served.client()
    for options, message in (
        ({"new": 901}, "901; it must be 1 to 900"),
        ({"budget": "lots"}, "“lots”"),
        ({"method": "H2O"}, "not a method"),
        ({"task": "poem"}, "not a task"),
    ):
        with pytest.raises(Refused, match=message):
            write(client, [], **options).result(timeout=60)
    with pytest.raises(Refused, match="No trace is kept"):
        client.predict(run="nothing", api_name="/trace")


def test_a_cancelled_job_stops_its_run(served: Served) -> None:
    job = write(served.client(), [], new=800)
    deadline = time.monotonic() + 60
    while not job.outputs() and time.monotonic() < deadline:
        time.sleep(0.01)
    (run,) = served.engine.current()
    job.cancel()
    while not run.done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.state == "stopped"


def test_the_tools_of_mcp_are_the_endpoints(served: Served) -> None:
    pytest.importorskip("mcp")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def tools() -> dict[str, str]:
        async with (
            streamablehttp_client(f"{served.url}gradio_api/mcp/") as (read, send, _),
            ClientSession(read, send) as session,
        ):
            await session.initialize()
            return {tool.name: tool.description or "" for tool in (await session.list_tools()).tools}

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(asyncio.run, tools()).result(60)
    assert {name for name in NAMES if any(name in tool for tool in found)} == NAMES
    assert all(found.values())
