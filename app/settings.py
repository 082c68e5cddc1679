"""What can be set from outside, read from `REFRESHKV_*` variables or a .env file. Knows nothing of models or Gradio."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "REFRESHKV_"

ASSETS = Path(__file__).resolve().parent.parent / "assets"
"""Styles, scripts, fonts and samples."""

SPACE_VARIABLE = "SPACE_ID"
"""Hugging Face sets it on Spaces."""

FOLLOWS = "default_factory_not_called"
"""What pydantic says of each default that follows from another setting, when any setting means nothing."""


class SettingsError(ValueError):
    """A setting has a value that means nothing."""


@dataclass(frozen=True)
class Limits:
    """How a file is read. What it may cost: size in megabytes (10^6 bytes), of the file and of its text; pages; seconds
    to read; megabytes of memory, where it is read in a process of its own. And the languages to look for in pictures of
    text, as Tesseract names them ("deu+eng"), or None.
    """

    max_file_megabytes: int = 50
    max_pages: int = 2000
    max_read_seconds: int = 120
    ocr_languages: str | None = "eng"
    max_read_megabytes: int = 1500


@dataclass(frozen=True)
class VisitorLimits:
    """What each visitor may have: projects, and megabytes (10^6 bytes) of documents in all of them. None: no limit."""

    projects: int | None = None
    megabytes: int | None = None


def parse_budget(value: object) -> float | int:
    """How much a method keeps or reads: "1/8" and "0.125" are a share of the prompt (float), "512" is tokens (int).

    Raises ValueError if it is neither a share above 0 and up to 1 nor at least one token.
    """
    budget: float | int
    try:
        if isinstance(value, str):
            text = value.strip()
            budget = float(Fraction(text)) if "/" in text else int(text) if text.isdecimal() else float(text)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            budget = value
        else:
            raise ValueError
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("write a share such as 1/8 or 0.125, or a whole number of tokens such as 512") from None
    if isinstance(budget, int) and budget < 1:
        raise ValueError("a number of tokens starts at 1")
    if isinstance(budget, float) and not (math.isfinite(budget) and 0 < budget <= 1):
        raise ValueError("a share lies above 0 and is at most 1; write more as a whole number of tokens")
    return budget


def _parse_optional_budget(value: object) -> float | int | None:
    return None if value is None else parse_budget(value)


def budget_text(budget: float | int) -> str:
    """A budget as a person would write it: 0.125 as 1/8."""
    if isinstance(budget, float) and (1 / budget).is_integer() and 1 / round(1 / budget) == budget:
        return f"1/{round(1 / budget)}"
    return str(budget)


def parse_hosts(value: object) -> object:
    """Names of hosts with commas between them. Raises ValueError if one is an address of a page."""
    if not isinstance(value, str):
        return value
    hosts = tuple(host.strip() for host in value.split(",") if host.strip())
    if any("/" in host for host in hosts):
        raise ValueError("write names alone, with commas between them, such as writer.example,*.example.org")
    return hosts


class Settings(BaseSettings):
    """All settings. `REFRESHKV_STRIDE=20` sets `stride`; a variable wins over the .env file, "none" means None."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, env_parse_none_str="none", extra="ignore", frozen=True
    )

    model: str = Field("smollm2-135m", min_length=1)
    model_revision: str | None = Field(None, description="of a model of the Hub: a branch, tag or commit")
    quantization: Literal["auto", "nf4", "int4", "int8"] | None = "auto"
    adapter: Path | None = Field(None, description="a folder with a LoRA for the model, merged into its weights")

    # What the page's fields start with, for the methods that have them. None: what is usual for the method.
    budget: Annotated[int | float | None, BeforeValidator(_parse_optional_budget)] = Field(
        None, description="kept or read: a share of the prompt, or tokens"
    )
    stride: int | None = Field(
        None, ge=1, description="decoding steps between two refreshes or checks, or two moments of the map"
    )
    similarity_threshold: float | None = Field(None, ge=-1, le=1, description="None: every stride-th step is full")

    max_file_megabytes: int = Field(Limits.max_file_megabytes, ge=1)
    max_pages: int = Field(Limits.max_pages, ge=1)
    max_read_seconds: int = Field(Limits.max_read_seconds, ge=1)
    max_read_megabytes: int = Field(
        Limits.max_read_megabytes,
        ge=256,
        description="memory of the process that reads a file; 90 before it reads",
    )
    isolate_reading: bool = Field(True, description="files are read in processes of their own, with limits")
    ocr_languages: str | None = Field(
        Limits.ocr_languages,
        pattern=r"^\w+(\+\w+)*$",
        description="of scans, as Tesseract names them: deu+eng; None: scans are not recognised",
    )
    max_new_tokens: int = Field(512, ge=1, description="what the slider starts at")
    max_new_tokens_limit: int = Field(4096, ge=1, description="the most that can be asked for at once")
    queue_size: int = Field(32, ge=1, description="runs waiting; the next page stands in line, a program is refused")
    runs_together: int = Field(
        4,
        ge=1,
        description="runs that write at once, in one step of the model, where its steps are compiled; 1: one by one",
    )
    stall_seconds: float = Field(300, gt=0, description="a run is given up of which nothing comes for so long")
    session_minutes: float = Field(60, gt=0, allow_inf_nan=False, description="unused state is freed after this")

    shared: bool = Field(
        default_factory=lambda: SPACE_VARIABLE in os.environ,
        description="strangers use it: nothing of them is listed, or stays; true on a Space",
    )

    # Of each visitor, see app.web.visitors. None: no limit, which is the default where nobody else uses it.
    runs_each: int | None = Field(
        default_factory=lambda earlier: 2 if earlier.get("shared") else None,
        ge=1,
        description="runs that wait or are under way",
    )
    projects_each: int | None = Field(
        default_factory=lambda earlier: 20 if earlier.get("shared") else None, ge=1, description="projects"
    )
    upload_megabytes_each: int | None = Field(
        default_factory=lambda earlier: 200 if earlier.get("shared") else None,
        ge=1,
        description="documents of all projects, in 10^6 bytes",
    )

    as_one_tokens: int | None = Field(
        default_factory=lambda earlier: 20_000 if earlier.get("shared") else None,
        ge=1,
        description="of a prompt with its answer, where documents longer than the window are read as one",
    )

    memory_megabytes: int | None = Field(
        None,
        ge=64,
        description="for all that is kept only to be at hand: open projects, documents that were read, vectors; what "
        "was used longest ago goes first. None: a third of the machine's memory, at most 6,000",
    )

    # Keys and values of documents that were read, so that they are read once; in gigabytes of 10^9 bytes.
    document_memory_gigabytes: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="0: the last run's. None: as much as memory_megabytes leaves; of a GPU's a quarter, at most 4",
    )
    document_disk_gigabytes: float = Field(
        default_factory=lambda earlier: 0.0 if earlier.get("shared") else 6.0,
        ge=0,
        allow_inf_nan=False,
        description="0: nothing is written. Off if it is shared: documents of strangers must not stay",
    )
    document_folder: Path | None = Field(None, description="None: beside the models, in the user's cache folder")

    # The embedded 135M model repeats itself under greedy decoding, so writing samples by default.
    temperature: float = Field(0.7, ge=0, le=5, description="0: always the most likely token")
    # min_p cuts the unlikely tokens; top_p would sort the whole vocabulary at every step for much the same.
    min_p: float = Field(0.1, ge=0, le=1)
    top_p: float = Field(1.0, gt=0, le=1, description="1: off")
    repetition_penalty: float = Field(1.1, gt=0, le=5, description="1: none")

    # Projects: their drafts, versions, sources and runs.
    data_folder: Path | None = Field(None, description="None: the user's data folder; if it is shared a passing one")
    mcp: bool = Field(False, description="offer the API as tools to MCP clients too; needs gradio[mcp]")

    # Of app.log. Without a file it is written to standard error.
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default_factory=lambda earlier: "info" if earlier.get("shared") else "warning"
    )
    log_file: Path | None = Field(None, description="at most 20 MB, in four files")

    # None: GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, else this computer alone and the first free port from 7860.
    host: str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_hosts)] = Field(
        default_factory=lambda earlier: ("*",) if earlier.get("shared") else (),
        description="by which names people reach it, beside this computer's own: writer.example, *.example.org; *: any",
    )

    @model_validator(mode="after")
    def _default_within_limit(self) -> Self:
        if self.max_new_tokens > self.max_new_tokens_limit:
            raise ValueError(
                f"{PREFIX}MAX_NEW_TOKENS is {self.max_new_tokens}, above {PREFIX}MAX_NEW_TOKENS_LIMIT, "
                f"which is {self.max_new_tokens_limit}: lower the first or raise the second"
            )
        return self

    @property
    def model_name(self) -> str:
        """What is said of the model: with the adapter, if it has one."""
        return self.model if self.adapter is None else f"{self.model} + {self.adapter.name}"

    @property
    def limits(self) -> Limits:
        """What reading one file may cost."""
        return Limits(
            self.max_file_megabytes, self.max_pages, self.max_read_seconds, self.ocr_languages, self.max_read_megabytes
        )

    @property
    def visitor_limits(self) -> VisitorLimits:
        """What each visitor may have."""
        return VisitorLimits(self.projects_each, self.upload_megabytes_each)


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """The settings from the environment and, where the environment is silent, from `env_file` if it exists.

    Raises SettingsError, which names every variable whose value means nothing.
    """
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        problems = [problem for problem in error.errors() if problem["type"] != FOLLOWS]
        raise SettingsError("; ".join(_explain(dict(problem)) for problem in problems)) from None


def _explain(problem: dict[str, object]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    location = problem["loc"]
    if not isinstance(location, tuple) or not location:
        return message
    return f"{PREFIX}{str(location[0]).upper()} is {problem['input']!r}: {message[0].lower()}{message[1:]}"
