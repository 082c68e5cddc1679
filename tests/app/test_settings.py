"""Settings come from the environment, and nonsense is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import PREFIX, Limits, SettingsError, load_settings, parse_budget


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    settings = load_settings()
    assert (settings.model, settings.quantization) == ("smollm2-135m", "auto")
    assert (settings.budget, settings.stride, settings.similarity_threshold) == (None, None, None)
    assert settings.limits == Limits(
        max_file_megabytes=50, max_pages=2000, max_read_seconds=120, max_read_megabytes=1500
    )


def test_the_model_is_called_by_its_adapter_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().model_name == "smollm2-135m"
    monkeypatch.setenv("REFRESHKV_ADAPTER", "models/trained")
    settings = load_settings()
    assert (settings.adapter, settings.model_name) == (Path("models/trained"), "smollm2-135m + trained")


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REFRESHKV_STRIDE=5\nREFRESHKV_MAX_PAGES=7\nOTHER=1\nREFRESHKV_BUDGET=\n")
    monkeypatch.setenv("REFRESHKV_STRIDE", "20")
    monkeypatch.setenv("REFRESHKV_QUANTIZATION", "none")
    settings = load_settings()
    assert (settings.stride, settings.max_pages, settings.budget, settings.quantization) == (20, 7, None, None)
    assert load_settings(env_file=None).max_pages == 2000


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1/8", 0.125), (" 3/4 ", 0.75), ("0.125", 0.125), ("1.0", 1.0), ("1/1", 1.0), ("512", 512), ("1", 1)],
)
def test_a_budget_is_a_share_or_tokens(monkeypatch: pytest.MonkeyPatch, text: str, expected: float | int) -> None:
    monkeypatch.setenv("REFRESHKV_BUDGET", text)
    budget = load_settings().budget
    assert budget == expected
    assert type(budget) is type(expected)


@pytest.mark.parametrize("value", ["", "x", "0", "0.0", "-1", "-1/8", "3/2", "1.5", "nan", "inf", "1/0", True, None, 0])
def test_a_budget_that_means_nothing_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"share|tokens"):
        parse_budget(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUDGET", "9/8"),
        ("STRIDE", "0"),
        ("STRIDE", "ten"),
        ("SIMILARITY_THRESHOLD", "1.1"),
        ("MAX_FILE_MEGABYTES", "0"),
        ("QUEUE_SIZE", "0"),
        ("RUNS_TOGETHER", "0"),
        ("RUNS_TOGETHER", "-1"),
        ("RUNS_TOGETHER", "x"),
        ("SESSION_MINUTES", "nan"),
        ("TEMPERATURE", "-0.1"),
        ("TOP_P", "0"),
        ("REPETITION_PENALTY", "0"),
        ("PORT", "70000"),
        ("DOCUMENT_MEMORY_GIGABYTES", "-1"),
        ("DOCUMENT_DISK_GIGABYTES", "inf"),
    ],
)
def test_an_error_names_the_variable_and_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=rf"^REFRESHKV_{name} is '{value}': [^;]+(; write more[^;]+)?$"):
        load_settings()


def test_all_errors_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFRESHKV_STRIDE", "x")
    monkeypatch.setenv("REFRESHKV_PORT", "y")
    with pytest.raises(SettingsError, match=r"^REFRESHKV_STRIDE[^;]+; REFRESHKV_PORT[^;]+$"):
        load_settings()


def test_the_default_length_may_not_exceed_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFRESHKV_MAX_NEW_TOKENS", "5000")
    with pytest.raises(SettingsError, match=r"REFRESHKV_MAX_NEW_TOKENS is 5000.*which is 4096"):
        load_settings()


def test_documents_stay_on_disk_except_on_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    settings = load_settings()
    assert (settings.document_memory_gigabytes, settings.document_disk_gigabytes, settings.document_folder) == (
        None,
        6,
        None,
    )
    monkeypatch.setenv("SPACE_ID", "somebody/writer")
    assert (load_settings().shared, load_settings().document_disk_gigabytes) == (True, 0)
    monkeypatch.setenv("REFRESHKV_SHARED", "no")
    assert (load_settings().shared, load_settings().document_disk_gigabytes) == (False, 6)
    monkeypatch.delenv("SPACE_ID")
    monkeypatch.setenv("REFRESHKV_SHARED", "yes")
    assert (load_settings().shared, load_settings().document_disk_gigabytes) == (True, 0)
    monkeypatch.setenv("REFRESHKV_DOCUMENT_DISK_GIGABYTES", "1.5")
    monkeypatch.setenv("REFRESHKV_DOCUMENT_MEMORY_GIGABYTES", "none")
    monkeypatch.setenv("REFRESHKV_DOCUMENT_FOLDER", "/data/documents")
    settings = load_settings()
    assert (settings.document_memory_gigabytes, settings.document_disk_gigabytes) == (None, 1.5)
    assert settings.document_folder == Path("/data/documents")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().stride = 3  # type: ignore[misc]
