"""What is installed under the name `refreshkv`: every package of core, and the word that it is typed."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def test_every_package_of_core_is_installed() -> None:
    folders = {file.parent.relative_to(ROOT / "core") for file in (ROOT / "core").rglob("__init__.py")}
    assert set(SETUP["packages"]) == {".".join(("refreshkv", *folder.parts)) for folder in folders}
    assert SETUP["package-dir"] == {
        name: name.replace("refreshkv", "core").replace(".", "/") for name in SETUP["packages"]
    }


def test_type_checkers_are_told_that_it_is_typed() -> None:
    assert (ROOT / "core" / "py.typed").is_file()
    assert "py.typed" in SETUP["package-data"]["refreshkv"]
