"""The endpoints as gradio_client calls them, on the real page with a tiny model."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.utils import get_function_description
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError as ClientError
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from pypdf import PdfWriter

from app.engine.run import Run
from app.intake import InThread
from app.methods import all_parameters, parameters, policy_of
from app.project.commands import COMPARED, Commands
from app.project.sessions import Sessions
from app.say.errors import AppError
from app.settings import Settings, SettingsError
from app.store import open_store
from app.web.api.endpoints import Tools
from app.web.context import AppContext
from app.web.door import NOT_HELD, NOT_UPLOADED, TOO_FEW
from app.web.page import build, launch_options
from app.web.server import Server
from core import DEFAULT_POLICY, FullAttention, KeyIndex, RefreshKV
from core.documents import AGAIN
from core.policies import METHODS
from tests.app.conftest import wait
from tests.app.gated import GatedEngine
from tests.app.reading.books import book
from tests.core.tiny import byte_tokenizer

TEXT = "The light stood on the rock for a hundred years. "
ROOT = Path(__file__).parents[3]
SAMPLE, DOCS = ROOT / "assets" / "samples" / "lighthouses.pdf", ROOT / "docs" / "app.md"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, GatedEngine]]:
    """The page's address and its engine."""
    engine = GatedEngine()
    engine.start()
    engine.require_model(timeout=60)
    settings = Settings(_env_file=None, max_new_tokens_limit=900, mcp=True, host="127.0.0.1")  # type: ignore[call-arg]
    store = open_store(tmp_path_factory.mktemp("store"))
    sessions = Sessions(store, settings.limits, 60)
    context = AppContext(Commands(settings, engine), sessions, shared=False)
    server = Server(build(settings, context), settings, context)
    yield server.url, engine
    server.close()
    sessions.close()
    engine.close()
    store.close()


@pytest.fixture
def client(served: tuple[str, GatedEngine], one_thread: None, tmp_path: Path) -> Iterator[Client]:
    client = Client(served[0], verbose=False, download_files=tmp_path)
    yield client
    client.close()


@pytest.fixture
def rock(tmp_path: Path) -> Any:
    path = tmp_path / "rock.txt"
    path.write_text(TEXT)
    return handle_file(str(path))


def write(client: Client, files: list[Any], **values: Any) -> Any:
    fields = {"task": "free", "detail": "Say it.", "max_new_tokens": 20, "seed": 1, **values}
    return client.submit(files=files, api_name="/write", **fields)


def compare(client: Client, files: list[Any], methods: Any, **values: Any) -> Any:
    fields = {"task": "free", "detail": "Say it.", "max_new_tokens": 20, "seed": 1, **values}
    return client.submit(files=files, methods=methods, api_name="/compare", **fields)


def run_of(served: tuple[str, GatedEngine], client: Client, files: list[Any], **values: Any) -> tuple[Run, Any]:
    """The run that such a call begins, looked at while it writes; and what the call returns."""
    engine = served[1]
    with engine.held():
        job = write(client, files, **values)
        wait(lambda: bool(engine.current()))
        (run,) = engine.current()
    return run, job.result(timeout=60)


def test_only_what_the_docs_name_can_be_called(client: Client) -> None:
    described = re.search(r"^## API$(.+?)(?=^## |\Z)", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert described
    named = sorted(set(re.findall(r"`(/\w+)`", described[1])))
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(endpoints) == named == ["/check_budget", "/compare", "/export_draft", "/read_document", "/write"]
    functions = client.config["dependencies"]
    open_ones = {function["api_name"] for function in functions if function["api_visibility"] != "private"}
    assert open_ones == {name[1:] for name in named}
    assert len(functions) > len(named)  # those of the page's are there


def test_health_says_how_the_server_is_and_nothing_of_what_is_written(
    served: tuple[str, GatedEngine], client: Client
) -> None:
    url, engine = served
    with engine.held():
        jobs = [write(client, [], detail="A secret.") for _ in range(2)]
        wait(lambda: len(engine.current()) == 2)
        wait(lambda: engine.current()[0].state == "running")
        answer = httpx.get(f"{url}health")
    assert answer.json().pop("memory_megabytes") > 10
    assert {**answer.json(), "memory_megabytes": 0} == {
        "model": "ready", "running": True, "waiting": 1, "memory_megabytes": 0, "kept_megabytes": {},
    }  # fmt: skip
    for job in jobs:
        job.result(timeout=60)
    assert httpx.get(f"{url}health").json()["waiting"] == 0


def test_a_call_that_nobody_reads_makes_way(served: tuple[str, GatedEngine], client: Client) -> None:
    url, engine = served
    with engine.held():
        values: list[Any] = [
            [], "free", "Never read.", "FullAttention", "1/8", 10, 40, 0.7, None, "", "", "", "", None, None, None, "",
            "auto", False, None, None, "parts", False,
            *[None] * len(set(all_parameters()) - {"budget", "stride", "threshold"}),
        ]  # fmt: skip
        event = httpx.post(f"{url}gradio_api/call/write", json={"data": values}).json()["event_id"]
        wait(lambda: bool(engine.current()))
        (unread,) = engine.current()
        assert unread.caller.visitor == f"session {event} from 127.0.0.1"
        wait(lambda: not unread.caller.heard())
        job = write(client, [])
        wait(lambda: len(engine.current()) == 2)
        read = engine.current()[1]
        assert read.caller.heard()
        with httpx.stream("GET", f"{url}gradio_api/call/write/{event}"):
            wait(unread.caller.heard)
        unread.stop()
    job.result(timeout=60)


def test_parameters_are_described(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    parameters = {item["parameter_name"]: item for item in endpoints["/write"]["parameters"]}
    assert list(parameters) == [
        "files", "task", "detail", "method", "budget", "stride", "max_new_tokens", "temperature", "seed",
        "length", "tone", "language", "audience", "threshold", "pages", "passwords", "draft", "wording", "grounded",
        "parts", "reading", "beyond", "apart",
        *(name for name in all_parameters() if name not in ("budget", "stride", "threshold")),
    ]  # fmt: skip
    assert parameters["method"]["type"]["enum"] == list(METHODS)
    described = get_function_description(Tools.write)[1]
    for policy in METHODS.values():
        assert policy.summary.rstrip(".").replace(";", ",") in described["method"]
    assert described["window"].endswith("Of the methods, with what is usual: SnapKV (32).")
    assert "Streams the text so far" in endpoints["/write"]["description"]
    compared = {item["parameter_name"] for item in endpoints["/compare"]["parameters"]}
    assert compared == {*parameters, "methods"} - {"method", "wording"}
    checked = {item["parameter_name"] for item in endpoints["/check_budget"]["parameters"]}
    assert {"method", *all_parameters()} <= checked


def test_writing_streams_and_ends_with_statistics(client: Client, rock: Any) -> None:
    job = write(client, [rock], method="RefreshKV", max_new_tokens=200, stride=5, temperature=0.0)
    text, statistics = job.result(timeout=60).values()
    texts = [output["text"] for output in job.outputs()]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert texts[-1] == text
    assert text
    assert (statistics["state"], statistics["reason"]) == ("finished", "length")
    # 199 decode steps at stride 5.
    assert (statistics["generated_tokens"], statistics["full_steps"], statistics["partial_steps"]) == (200, 39, 160)
    assert statistics["tokens_per_second"] > 0
    assert all(output["statistics"] == {} for output in job.outputs()[:-1])


def test_a_seed_repeats_a_text_and_the_options_reach_the_run(
    client: Client, served: tuple[str, GatedEngine], rock: Any
) -> None:
    first, again = (write(client, [rock], temperature=1.0).result(timeout=60)["text"] for _ in range(2))
    other = write(client, [rock], temperature=1.0, seed=2).result(timeout=60)["text"]
    assert first == again != other
    policies = []
    for values in ({"budget": "32", "stride": 7}, {}, {"method": "FullAttention"}):
        run, _ = run_of(served, client, [rock], **values)
        policies.append(run.request.policy)
    assert policies == [KeyIndex(32, stride=7), DEFAULT_POLICY, FullAttention()]


def prompt_of(run: Run) -> str:
    """What the model reads."""
    return str(byte_tokenizer().decode(run.request.token_ids[0]))


def test_how_the_text_is_to_be_reaches_the_prompt(client: Client, served: tuple[str, GatedEngine], rock: Any) -> None:
    shape = {"length": "80", "tone": "plain", "language": "Deutsch", "audience": "children"}
    run, _ = run_of(served, client, [rock], task="summary", detail="", **shape)
    asked = "Write about 80 words. The tone is plain. The readers are children. Write in Deutsch."
    assert asked in prompt_of(run)
    run, _ = run_of(served, client, [rock], method="RefreshKV", threshold=0.5, stride=7)
    assert run.request.policy == RefreshKV(1 / 8, 7, 0.5)


def test_pages_and_passwords_go_with_the_files(
    client: Client, served: tuple[str, GatedEngine], rock: Any, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.pdf"
    pdf = PdfWriter()
    pdf.append(SAMPLE, pages=(0, 2))
    pdf.encrypt("rock", algorithm="AES-256")
    pdf.write(secret)
    (tmp_path / "two.txt").write_text("The first page.\fThe second page.")
    two = handle_file(str(tmp_path / "two.txt"))
    run, _ = run_of(served, client, [two, rock], pages=["2"])
    prompt = prompt_of(run)
    assert "The first page." not in prompt
    assert "The second page." in prompt
    assert TEXT in prompt
    files = [rock, handle_file(str(secret))]
    read = client.predict(files=files, passwords=["", "rock"], pages=["", "1"], wording="own", api_name="/check_budget")
    assert read["tokens"]["documents"].keys() == {"secret.pdf"}  # the smaller: both are more than the window
    for values, message in (
        ({"passwords": ["rock"]}, "password"),
        ({"pages": ["", "", ""]}, "pages must be a list of texts, at most one for each of the 2 files"),
    ):
        with pytest.raises(ClientError, match=message):
            write(client, files, **values).result(timeout=60)


def test_a_draft_is_gone_on_with(client: Client, served: tuple[str, GatedEngine], rock: Any) -> None:
    run, written = run_of(served, client, [rock], task="continue", detail="", draft="Mine it is. ")
    assert prompt_of(run).endswith("assistant\nMine it is.")
    text = written["text"]
    assert text
    assert not text.startswith(("Mine", " "))
    tokens = client.predict(files=[rock], task="continue", draft="Mine it is. ", api_name="/check_budget")["tokens"]
    assert tokens["draft"] == len("Mine it is.")


def test_two_clients_at_once_each_get_their_own_text(
    served: tuple[str, GatedEngine], client: Client, rock: Any
) -> None:
    other = Client(served[0], verbose=False)
    alone = [write(client, [rock], temperature=1.0, seed=seed).result(timeout=60)["text"] for seed in (1, 2)]
    jobs = [write(who, [rock], temperature=1.0, seed=seed) for who, seed in ((client, 1), (other, 2))]
    assert [job.result(timeout=60)["text"] for job in jobs] == alone
    assert alone[0] != alone[1]
    other.close()


def test_a_client_that_leaves_stops_its_run(served: tuple[str, GatedEngine], client: Client, rock: Any) -> None:
    with served[1].held(after=3):  # it could not be over by itself
        job = write(client, [rock])
        wait(lambda: any(output["text"] for output in job.outputs()))
        (run,) = served[1].current()
        job.cancel()
        wait(lambda: run.done)
    assert run.state == "stopped"


def test_methods_are_compared_and_their_texts_stream(
    served: tuple[str, GatedEngine], client: Client, rock: Any
) -> None:
    methods = ["NeverRefreshed", "RefreshKV", "FullAttention"]
    options = {"max_new_tokens": 60, "budget": "16", "stride": 5, "temperature": 1.0}
    with served[1].held(after=3):
        job = compare(client, [rock], methods, **options)
        wait(lambda: any(output["methods"][0]["text"] for output in job.outputs()))
        first, *others = job.outputs()[-1]["methods"]
    compared = job.result(timeout=60)["methods"]
    assert (first["state"], first["changes"], first["statistics"]) == ("running", [], {})
    assert [(other["state"], other["text"]) for other in others] == [("planned", "")] * 2
    assert [method["name"] for method in compared] == ["RefreshKV", "Full attention", "Small cache, never refreshed"]
    assert [(method["state"], method["error"]) for method in compared] == [("finished", None)] * 3
    assert compared[0]["text"].startswith(first["text"])
    # 59 decode steps: at stride 5 every fifth is full, with full attention all are, never refreshed none.
    assert [method["statistics"]["full_steps"] for method in compared] == [11, 59, 0]
    full = {"method": "FullAttention", "budget": None, "stride": None}
    for method, values in zip(compared[:2], ({"method": "RefreshKV"}, full), strict=True):
        assert method["text"] == write(client, [rock], **{**options, **values}).result(timeout=60)["text"]
    reference = compared[0]["text"]
    assert compared[0]["changes"] == []
    assert compared[1]["text"] != reference
    for method in compared[1:]:
        for kind, whole in (("insert", reference), ("delete", method["text"])):
            assert "".join(text for found, text in method["changes"] if found != kind) == whole


VALUES: dict[str, Any] = {
    "budget": "40", "stride": 3, "threshold": 0.5, "pool_kernel_size": 3, "floor": 9, "sinks": 2, "window": 8,
    "bits": 2, "page": 4, "dense_layers": 1, "recent": 5, "similarity": 0.5, "drafted": 2, "lookahead": 2, "spread": 2,
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_method_writes_with_the_parameters_that_it_has(
    method: str, client: Client, served: tuple[str, GatedEngine], rock: Any
) -> None:
    own = {parameter.name: VALUES[parameter.name] for parameter in parameters(method)}
    run, written = run_of(served, client, [rock], method=method, **own)
    assert run.request.policy == policy_of(method, own)
    assert written["statistics"]["generated_tokens"] == 20
    usual, _ = run_of(served, client, [rock], method=method)
    assert usual.request.policy == METHODS[method]()
    fits = client.predict(files=[rock], detail="the rock", method=method, **own, api_name="/check_budget")
    assert fits["fits"]


def test_what_a_method_does_not_have_is_refused_with_what_it_has(client: Client, rock: Any) -> None:
    for values, message in (
        ({"method": "best"}, "“best” is not a method. Choose one of " + ", ".join(METHODS)),
        ({"method": "SnapKV", "stride": 7}, "SnapKV has no parameter “stride”, only: budget, window, pool_kernel_size"),
        ({"method": "FullAttention", "budget": "64"}, "FullAttention has no parameter “budget”, only: –"),
        ({"method": "Quest", "page": 0}, "Quest: page is 0; it must be a whole number, 1 or more"),
        ({"method": "H2O", "budget": "lots"}, "is “lots”: write a share such as 1/8"),
    ):
        with pytest.raises(ClientError, match=re.escape(message)):
            write(client, [rock], **values).result(timeout=60)
        with pytest.raises(ClientError, match=re.escape(message)):
            client.predict(files=[rock], detail="the rock", **values, api_name="/check_budget")
    with pytest.raises(ClientError, match=re.escape("SnapKV / H2O has no parameter “stride”")):
        compare(client, [rock], ["SnapKV", "H2O"], stride=7).result(timeout=60)
    with pytest.raises(ClientError, match="SnapKV: window is 0"):
        compare(client, [rock], ["FullAttention", "SnapKV"], window=0).result(timeout=60)


def test_any_methods_are_compared_each_with_what_it_has(client: Client, rock: Any) -> None:
    job = compare(client, [rock], list(COMPARED), budget="40", window=8, page=4)
    compared = job.result(timeout=120)["methods"]
    assert [method["name"] for method in compared] == list(COMPARED.values())
    assert {(method["state"], method["error"]) for method in compared} == {("finished", None)}
    full = {method["name"]: method["statistics"]["full_steps"] for method in compared}
    assert [full[name] for name in ("StreamingLLM", "SnapKV", "H2O", "TOVA")] == [0] * 4
    assert full["Full attention"] == 19


def test_a_client_that_leaves_stops_its_comparison(served: tuple[str, GatedEngine], client: Client, rock: Any) -> None:
    with served[1].held(after=3):
        job = compare(client, [rock], ["RefreshKV", "FullAttention"])
        wait(lambda: any(output["methods"][0]["text"] for output in job.outputs()))
        (run,) = served[1].current()
        job.cancel()
        wait(lambda: run.done)
    assert run.state == "stopped"
    assert served[1].current() == []  # the next method never begins


def test_what_cannot_be_compared_is_refused(client: Client, rock: Any) -> None:
    both = ["RefreshKV", "FullAttention"]
    for files, methods, values, message in (
        ([rock], ["RefreshKV", "magic"], {}, "“magic” is not a method. Choose one of KeyIndex, RefreshKV, "),
        ([rock], ["RefreshKV"], {}, "Choose at least two different methods to compare"),
        ([rock], ["RefreshKV", "RefreshKV"], {}, "Choose at least two different methods to compare"),
        ([rock], [], {}, "Choose at least two different methods to compare"),
        ([rock], None, {}, "Choose at least two different methods to compare"),
        ([rock], 3, {}, "methods must be a list of texts"),
        ([rock], "RefreshKV", {}, "methods must be a list of texts"),
        ([rock], [["RefreshKV"], ["FullAttention"]], {}, "methods must be a list of texts"),
        ([], both, {"task": "summary", "detail": ""}, "There is nothing to write about"),
        # A draft counts only where it is gone on with.
        ([], both, {"task": "summary", "detail": " ", "draft": "Mine it is."}, "There is nothing to write about"),
        ([rock], both, {"detail": ""}, "is empty"),
        ([rock], both, {"max_new_tokens": 901}, "901; it must be 1 to 900"),
        ([rock], both, {"task": "poem"}, "“poem” is not a task"),
    ):
        with pytest.raises(ClientError, match=message):
            compare(client, files, methods, **values).result(timeout=60)
    going_on = {"task": "continue", "detail": "", "draft": "Mine it is."}
    assert all(method["text"] for method in compare(client, [], both, **going_on).result(timeout=60)["methods"])


def test_with_nothing_to_write_about_nothing_is_written(client: Client, rock: Any) -> None:
    for values in ({}, {"detail": " \n"}, {"draft": "  "}, {"task": "outline", "length": "short"}):
        with pytest.raises(ClientError, match=r"There is nothing to write about: no source, .+ Add a file, say what"):
            write(client, [], **{"task": "summary", "detail": "", **values}).result(timeout=60)
    for files, values in (([rock], {}), ([], {"detail": "Tides."}), ([], {"draft": "Mine it is."})):
        assert write(client, files, **{"task": "summary", "detail": "", **values}).result(timeout=60)["text"]


def test_what_is_wrong_is_said(client: Client, rock: Any, tmp_path: Path) -> None:
    for values, message in (
        ({"max_new_tokens": 901}, "901; it must be 1 to 900"),
        ({"task": "poem"}, r"“poem” is not a task\. Choose one of .*report"),
        ({"method": "magic"}, "“magic” is not a method. Choose one of KeyIndex, RefreshKV, "),
        ({"budget": "lots"}, "“lots”"),
        ({"stride": 0}, "stride is 0; it must be a whole number"),
        ({"detail": ""}, "is empty"),
        ({"detail": "word " * 300}, "Too long by"),
    ):
        with pytest.raises(ClientError, match=message):
            write(client, [rock], **values).result(timeout=60)
    with pytest.raises(ClientError, match="draft must be a text, not int"):
        write(client, [rock], draft=5).result(timeout=60)
    with pytest.raises(ClientError, match="title must be a text, not dict"):
        client.predict("Mine.", "md", {}, api_name="/export_draft")
    damaged = tmp_path / "broken.pdf"
    damaged.write_bytes(b"%PDF-1.7\nnot really")
    with pytest.raises(ClientError, match=r"broken\.pdf"):
        write(client, [handle_file(str(damaged))]).result(timeout=60)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", str(SAMPLE), "https://example.org/a.txt", "", 7])
def test_a_path_that_was_not_uploaded_is_refused(client: Client, path: Any) -> None:
    for file in (path, {"path": path}, {"path": path, "meta": {}}):
        answer = call(client, "read_document", {"data": [file, "", "", None]})
        assert "event: error" in answer
        assert "not uploaded" in answer or "is missing" in answer


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", str(SAMPLE), "http://127.0.0.1:1/a.txt"])
def test_an_uploaded_file_that_is_none_is_refused_in_words(client: Client, path: str) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for endpoint, data in (
        ("read_document", [file, "", "", None]),
        ("check_budget", [[file], *[None] * (12 + len(all_parameters()))]),
    ):
        answer = call(client, endpoint, {"data": data})
        assert "event: error" in answer
        assert NOT_UPLOADED in answer


def test_a_program_that_leaves_values_out_is_told(client: Client) -> None:
    answer = call(client, "read_document", {"data": []})
    assert "event: error" in answer
    assert TOO_FEW.format(0, 4) in answer


def test_what_no_field_can_hold_is_refused_in_words_and_not_in_the_log(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value, said in (("tokens", "many", NOT_HELD), ("task", {"a": 1}, "not in the list of choices")):
        event = next(each for each in client.config["dependencies"] if name in asked_of(client, each))
        data = [value if one == name else None for one in asked_of(client, event)]
        sent = {"data": data, "fn_index": event["id"], "session_hash": name}
        httpx.post(f"{client.src}gradio_api/queue/join", json=sent).raise_for_status()
        with httpx.stream("GET", f"{client.src}gradio_api/queue/data?session_hash={name}", timeout=60) as stream:
            assert any(said in line for line in stream.iter_lines())
    assert "Traceback" not in "".join(capfd.readouterr())


def asked_of(client: Client, event: dict[str, Any]) -> list[str]:
    """The names of an event's inputs; none of one that the server does not answer on the stream."""
    names = {each["id"]: each["props"].get("elem_id") or "" for each in client.config["components"]}
    return [names[each] for each in event["inputs"]] if event["backend_fn"] and event["queue"] is not False else []


def call(client: Client, endpoint: str, body: dict[str, Any]) -> str:
    """What the endpoint answers a client that speaks HTTP by itself."""
    url = f"{client.src.rstrip('/')}/gradio_api/call/{endpoint}"
    event = httpx.post(url, json=body).json()["event_id"]
    return httpx.get(f"{url}/{event}", timeout=60).text


def test_a_document_is_read_by_page(client: Client, tmp_path: Path) -> None:
    read = client.predict(file=handle_file(str(SAMPLE)), pages="2-3", api_name="/read_document")
    assert (read["name"], read["page_count"]) == ("lighthouses.pdf", 8)
    assert [page["number"] for page in read["pages"]] == [2, 3]
    assert all(page["text"].strip() for page in read["pages"])
    with pytest.raises(ClientError, match="8"):
        client.predict(file=handle_file(str(SAMPLE)), pages="7-12", api_name="/read_document")
    assert read["left_out"][0] == {"page": 1, "text": "1", "kind": "running"}
    whole = client.predict(
        file=handle_file(str(SAMPLE)), pages="2-3", reading={"running_lines": True}, api_name="/read_document"
    )
    assert (whole["left_out"], len(whole["pages"][0]["text"]) > len(read["pages"][0]["text"])) == ([], True)
    with pytest.raises(ClientError, match=r"reading must be an object.*runing_lines is not"):
        client.predict(file=handle_file(str(SAMPLE)), reading={"runing_lines": True}, api_name="/read_document")
    secret = tmp_path / "secret.pdf"
    writer = PdfWriter(clone_from=SAMPLE)
    writer.encrypt("rock", algorithm="AES-256")
    writer.write(secret)
    with pytest.raises(ClientError, match="password"):
        client.predict(file=handle_file(str(secret)), api_name="/read_document")
    opened = client.predict(file=handle_file(str(secret)), pages="2-3", password="rock", api_name="/read_document")
    assert opened["pages"] == read["pages"]


def test_what_is_longer_than_the_window_is_read_as_one_if_that_is_asked_for(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("\f".join(TEXT * 8 for _ in range(3)))
    long, asked = handle_file(str(path)), {"task": "free", "detail": "Say it.", "max_new_tokens": 20}
    said = client.predict(files=[long], beyond="one", **asked, api_name="/check_budget")
    assert said["fits"] is True
    assert said["tokens"]["total"] == said["long"]["one"]["tokens"] > 1024
    assert said["long"]["one"]["bytes"] > 0 < said["long"]["one"]["reading_seconds"]
    result = write(client, [long], beyond="one").result(timeout=60)
    assert result["statistics"]["prompt_tokens"] > 1024
    assert result["text"]
    with pytest.raises(ClientError, match="SnapKV reads no more than the window of 1,024 tokens"):
        write(client, [long], beyond="one", method="SnapKV").result(timeout=60)
    within = client.predict(files=[long], method="SnapKV", **asked, api_name="/check_budget")
    assert "SnapKV reads no more" in within["long"]["one"]["refused"]
    compared = compare(client, [long], ["KeyIndex", "RefreshKV"], beyond="one").result(timeout=60)
    assert [method["state"] for method in compared["methods"]] == ["finished"] * 2
    assert min(method["statistics"]["prompt_tokens"] for method in compared["methods"]) > 1024


def test_documents_read_apart_are_reordered_without_being_read_again(client: Client, tmp_path: Path) -> None:
    texts = {"first": "The rock is old. " * 50, "second": "The lamp was lit by hand. " * 40}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    first, second = (handle_file(str(tmp_path / f"{name}.txt")) for name in texts)
    options = {"apart": True, "beyond": "one", "method": "KeyIndex", "temperature": 0.0}
    known = [
        write(client, files, **options).result(timeout=60)["statistics"]["reused_prompt_tokens"]
        for files in ([first, second], [second, first], [first])
    ]
    # Those that are placed are but for the first of their tokens; the one in front is where it was read.
    both = sum(map(len, texts.values()))
    assert known[0] < 100
    assert known[1] >= both - AGAIN
    assert known[2] >= len(texts["first"])


def test_the_budget_says_what_fits(client: Client, rock: Any, tmp_path: Path) -> None:
    fits = client.predict(files=[rock], task="summary", max_new_tokens=20, wording="own", api_name="/check_budget")
    tokens = fits["tokens"]
    assert fits["fits"] is True
    assert fits["choices"] == []
    assert tokens["documents"] == {"rock.txt": len(TEXT)}  # a token a byte
    assert tokens["total"] == len(TEXT) + tokens["instruction"] + tokens["draft"] + 20
    assert tokens["window"] == 1024
    long = tmp_path / "long.txt"
    long.write_text("\f".join(TEXT * 8 for _ in range(3)))
    over = client.predict(
        files=[handle_file(str(long))], task="free", detail="o" * 900, max_new_tokens=100, api_name="/check_budget"
    )  # fmt: skip
    assert over["fits"] is False
    assert fits["long"] is None
    whole = client.predict(files=[rock], task="report", max_new_tokens=20, api_name="/check_budget")
    assert (whole["fits"], whole["message"]) == (
        True,
        "Sections: 1. Parts written from: 1 of 1. The sentences are the "
        "documents' own: a model of this size invents when it uses its own words.",
    )
    (section,) = whole["sections"]
    assert [part["read"] for part in section["parts"]] == ["full"]
    away = {part["id"]: "none" for part in section["parts"]}
    without = client.predict(files=[rock], task="report", max_new_tokens=20, parts=away, api_name="/check_budget")
    assert (without["sections"], [chapter["pages"] for chapter in without["others"]]) == ([], [""])
    assert without["message"].startswith("Every part of the documents is left out.")
    with pytest.raises(ClientError, match="Every part of the documents is left out"):
        client.predict(files=[rock], task="report", max_new_tokens=20, parts=away, api_name="/write")
    for values, message in (
        ({"task": "report", "parts": {"3/1:0": "full"}}, "“3/1:0” is no part of the 1 documents"),
        ({"task": "poem"}, r"“poem” is not a task\. Choose one of .*report"),
        ({"task": "report", "length": "lots"}, "The length is “lots”. Choose .+, or write a number of words: 800"),
        ({"task": "report", "pages": ["2-3"]}, "rock.txt"),
    ):
        with pytest.raises(ClientError, match=message):
            client.predict(files=[rock], **values, api_name="/check_budget")


def test_a_draft_becomes_a_file(client: Client) -> None:
    made = client.predict(markdown="# Rock\n\n光 and ${x}", format="md", title="My rock", api_name="/export_draft")
    assert Path(made).name == "My rock.md"
    assert "光 and ${x}" in Path(made).read_text("utf-8")
    pdf = client.predict(markdown="# Rock", format="pdf", title="R", api_name="/export_draft")
    assert Path(pdf).read_bytes().startswith(b"%PDF")
    for kind, message in (("exe", "“exe” is not a format. Choose one of md,"), ("csv", "The draft has no table")):
        with pytest.raises(ClientError, match=message):
            client.predict(markdown="# Rock", format=kind, api_name="/export_draft")


def test_what_no_font_has_is_told_in_the_log_of_the_call(served: tuple[str, GatedEngine]) -> None:
    address = served[0]
    endpoints = httpx.get(f"{address}config").json()["dependencies"]
    (number,) = (endpoint["id"] for endpoint in endpoints if endpoint["api_name"] == "export_draft")
    call = {"data": ["a \U000f0001", "pdf", "R"], "fn_index": number, "session_hash": "fonts"}
    httpx.post(f"{address}gradio_api/queue/join", json=call).raise_for_status()
    said: dict[str, Any] = {}
    with httpx.stream("GET", f"{address}gradio_api/queue/data?session_hash=fonts", timeout=60) as stream:
        for line in filter(None, stream.iter_lines()):
            message = json.loads(line.removeprefix("data: "))
            said[message["msg"]] = message
            if message["msg"] == "close_stream":
                break
    assert "the PDF shows � in their place: U+F0001." in said["log"]["log"]
    assert said["process_completed"]["output"]["data"][0]["orig_name"] == "R.pdf"


def test_a_prompt_is_not_made_on_the_thread_that_serves_all() -> None:
    threads: list[threading.Thread] = []

    class Busy:
        engine = None
        settings = Settings(_env_file=None)

        def request(self, **fields: object) -> None:
            """Whatever it is."""

        def write_apart(self, *rest: object) -> None:
            threads.append(threading.current_thread())
            raise AppError("Nothing is written here.")

    async def first() -> None:
        await anext(Tools(Busy(), InThread()).write([], task="free", detail="Say it."))  # type: ignore[arg-type,call-overload]

    with pytest.raises(gr.Error, match="Nothing is written"):
        asyncio.run(first())
    assert threads
    assert threads[0] is not threading.current_thread()


def test_an_mcp_client_sees_the_same_as_tools(served: tuple[str, GatedEngine]) -> None:
    schema = httpx.get(f"{served[0].rstrip('/')}/gradio_api/mcp/schema").json()
    tools = {tool["name"].removeprefix("Tools_"): tool for tool in schema}
    assert sorted(tools) == ["check_budget", "compare", "export_draft", "read_document", "write"]
    properties = tools["write"]["inputSchema"]["properties"]
    assert properties["files"]["items"]["type"] == "string"
    assert properties["files"]["description"].startswith("The documents, in order")
    assert json.dumps(tools["write"]).count("Write a text about long documents") == 1


def call_tool(address: str, tool: str, arguments: dict[str, Any], *, progress: bool = False) -> Any:
    """What an MCP client is answered; one that asks for progress goes another way through Gradio."""

    async def told(done: float, total: float | None, message: str | None) -> None:
        """What it is told meanwhile."""

    async def ask() -> Any:
        url = f"{address.rstrip('/')}/gradio_api/mcp/"
        async with streamablehttp_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            names = [found.name for found in (await session.list_tools()).tools]
            name = next(name for name in names if name.endswith(tool))
            return await session.call_tool(name, arguments, progress_callback=told if progress else None)

    return asyncio.run(ask())


@pytest.mark.parametrize("progress", [False, True])
def test_an_mcp_client_is_answered_in_json(served: tuple[str, GatedEngine], one_thread: None, progress: bool) -> None:
    asked = {"files": [], "task": "free", "detail": "Say it.", "draft": "Mine, “quoted”."}
    (content,) = call_tool(served[0], "check_budget", asked, progress=progress).content
    budget = json.loads(content.text)
    assert (budget["fits"], budget["tokens"]["draft"], budget["tokens"]["window"]) == (True, 19, 1024)
    (content,) = call_tool(served[0], "write", {**asked, "max_new_tokens": 20, "seed": 1}, progress=progress).content
    written = json.loads(content.text)
    assert written["text"]
    assert (written["statistics"]["state"], written["statistics"]["generated_tokens"]) == ("finished", 20)


def test_an_mcp_client_gets_the_address_of_a_file_and_the_pages_of_one(served: tuple[str, GatedEngine]) -> None:
    (content,) = call_tool(served[0], "export_draft", {"markdown": "# Rock", "format": "md", "title": "Rock"}).content
    assert httpx.get(content.text).text == "# Rock"
    packed = f"data:text/plain;base64,{base64.b64encode(TEXT.encode()).decode()}"
    (content,) = call_tool(served[0], "read_document", {"file": packed}).content
    assert [page["text"] for page in json.loads(content.text)["pages"]] == [TEXT]


def test_an_mcp_client_is_told_what_is_wrong(served: tuple[str, GatedEngine]) -> None:
    answer = call_tool(served[0], "write", {"files": [], "task": "free", "detail": "Say it.", "max_new_tokens": 901})
    assert answer.isError
    assert "901; it must be 1 to 900" in answer.content[0].text


def test_a_missing_mcp_package_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.page.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r'pip install "mcp>=1\.21,<2"'):
        launch_options(Settings(_env_file=None, mcp=True))  # type: ignore[call-arg]
    assert launch_options(Settings(_env_file=None))["mcp_server"] is False  # type: ignore[call-arg]


@pytest.mark.slow
def test_a_report_on_several_pages_has_their_sentences_and_says_where_they_are(client: Client, tmp_path: Path) -> None:
    """As a client asks for it that chooses nothing: a small model quotes."""
    document = book([("", [3, 2])], "coast.txt", pages=120)
    path = tmp_path / document.name
    path.write_text("\f".join(page.text for page in document.pages))
    fields = {"task": "report", "detail": "", "length": "60", "max_new_tokens": 600, "seed": 1}
    job = client.submit(files=[handle_file(str(path))], api_name="/write", **fields)
    text, statistics = job.result(timeout=120).values()
    assert statistics["state"] == "finished"
    title, heading, *paragraphs = text.split("\n\n")
    assert (title, heading) == ("# coast", "## coast.txt")
    whole = " ".join("".join(page.text for page in document.pages).split())
    said = re.findall(r"(.+?) \(p\. (\d+)\)\.(?: |$)", " ".join(paragraphs))
    assert said
    assert "".join(f"{words} (p. {page}). " for words, page in said).strip() == " ".join(paragraphs)
    for words, page in said:
        sentences = re.split(r"(?<=\.) ", f"{words}.")
        assert all(sentence in whole for sentence in sentences)
        assert sentences[-1].split(".")[0][:12] in document.pages[int(page) - 1].text
    own = fields | {"wording": "own", "max_new_tokens": 20}
    assert "(p." not in client.submit(files=[handle_file(str(path))], api_name="/write", **own).result(120)["text"]


@pytest.mark.slow
def test_a_table_has_the_documents_rows_with_their_pages(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "manual.txt"
    path.write_text(
        "LENS\n\nThe lens bends the rays of light towards the sea.\n\nIt is old.\n\f"
        "HORN\n\nThe horn warns ships of the rocks while there is fog.\n"
    )
    asked = {"files": [handle_file(str(path))], "task": "table", "detail": "Thing, Purpose", "max_new_tokens": 300}
    budget = client.predict(**asked, api_name="/check_budget")
    assert budget["message"].startswith("Runs that write rows: 1. Pages read: 2; rows from: 2.")
    written = client.submit(**asked, seed=1, api_name="/write").result(120)
    assert (written["statistics"]["state"], written["statistics"]["rows_left_out"]) == ("finished", 0)
    assert written["text"].split("\n") == [
        "| Thing | Purpose |",
        "| --- | --- |",
        "| LENS | The lens bends the rays of light towards the sea (p. 1). |",
        "| HORN | The horn warns ships of the rocks while there is fog (p. 2). |",
    ]
