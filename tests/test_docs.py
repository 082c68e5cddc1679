"""What the documents say of the project is so: their links, the commands and the code in them."""

import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import core
from tests.core.tiny import byte_tokenizer, tiny_model

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: str) -> set[str]:
    """What can follow # in a link to a page: its headings in lower case, spaces as hyphens, other signs left out."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text("utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), anchor


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_is_there(page: Path) -> None:
    code = "\n".join(re.findall(r"```bash\n.+?```|`[^`]+`", page.read_text("utf-8"), re.DOTALL))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for command in re.findall(r"\bmake((?: [a-z]+)+)", code) for name in command.split()}
    assert named <= targets
    for module in re.findall(r"python -m (benchmarks[\w.]*)", code):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["README.md", "docs/devices.md", "docs/library.md", "docs/policies.md", "docs/window.md"]
)
def test_the_code_runs_as_it_stands(
    name: str,
    one_thread: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a tiny model, in the order of the page, with the names that the installed library has."""

    class Compiled:
        def wait(self) -> bool:
            return True

    def load_model(*_: Any, **__: Any) -> Any:
        return tiny_model(max_position_embeddings=16_384), byte_tokenizer()

    monkeypatch.setitem(sys.modules, "refreshkv", core)
    monkeypatch.setattr(core, "load_model", load_model)
    monkeypatch.setattr(core, "compile_decoding", lambda model: Compiled())
    shutil.copy(ROOT / "README.md", tmp_path)  # which one of them reads; others write beside it
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.+?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    assert snippets
    names: dict[str, Any] = {}
    for snippet in snippets:
        exec(compile(snippet, name, "exec"), names)
    assert capsys.readouterr().out.strip()


def test_every_method_is_listed() -> None:
    page = (ROOT / "docs/policies.md").read_text("utf-8")
    assert set(core.METHODS) == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_readme_shows_the_library_in_ten_lines() -> None:
    (snippet,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(snippet.splitlines()) <= 10


def test_a_space_finds_the_app_with_the_gradio_that_is_required() -> None:
    front = dict(re.findall(r"^(\w+): (.+)$", (ROOT / "README.md").read_text("utf-8").split("---")[1], re.MULTILINE))
    assert (front["sdk"], front["license"]) == ("gradio", "apache-2.0")
    assert (ROOT / front["app_file"]).is_file()
    assert f"gradio=={front['sdk_version']}\n" in (ROOT / "requirements.txt").read_text("utf-8")
    assert len(front["short_description"]) <= 60


def test_the_latest_version_in_the_changelog_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    latest = re.search(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert latest
    assert project["version"] == latest[1]
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
