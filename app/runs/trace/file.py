"""A trace as a file: gzip of one JSON object, the fields of TraceFile. This module is the format's documentation."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sized
from dataclasses import asdict
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.prompt.compose import Places
from app.prompt.marks import PageMark
from app.runs.trace.trace import Ending, PromptTokens, Refresh, RunSettings, Token, Trace
from app.say.errors import TraceError
from app.text.valid import valid

VERSION = 1
"""Goes up with every change that an older reader would misread."""

MOST_BYTES = 128 * 10**6
"""Unpacked size beyond which a file is refused; a run of 8,000 tokens takes about 10 MB."""

MOST_VALUES = 2 * 10**6
"""Values in the JSON beyond which a file is refused: a number of two bytes takes 40 as an object. A token of the prompt
has five, so a prompt of 400,000 tokens can be read."""

_PIECE = 2**20
"""Bytes that are unpacked at once."""

MOST_COUNTS = 2 * 10**8
"""Layers by positions, or refreshes by positions, beyond which a file is refused: so much is held to play it."""

_LEVEL = 1
"""Most of a trace is packed already: higher levels make it 2% smaller."""

_Index = Annotated[int, Field(ge=0)]
_Character = Annotated[int, Field(ge=0, lt=2**31)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, ser_json_bytes="base64", val_json_bytes="base64")


class SettingsPart(_Part):
    """What was asked for."""

    model: str = Field(description="name, hub id or folder of the model")
    quantization: str | None = Field(description="nf4, int8, int4; null for none")
    policy: dict[str, str | int | float | bool | None] = Field(
        description="method: the policy's name, a key of core.policies.METHODS; and its parameters, as the policy "
        "calls them: budget is a share of the prompt if it is a float, else tokens; a trace without a floor (tokens "
        "that a share comes to at least), lookahead, recent or spread was written when there was none; a parameter "
        "that is a policy itself is written as in Python"
    )
    sampling: dict[str, str | int | float | bool | None] = Field(
        description="max_new_tokens, temperature, top_p, min_p, repetition_penalty"
    )
    seed: int | None = Field(description="null if the run was not seeded and cannot be repeated exactly")


class PagePart(_Part):
    """A page of a document in the prompt."""

    name: str = Field(description="the document's file name")
    document: _Index = Field(description="index of the document, in the order of the prompt")
    number: int = Field(description="counted from 1 in the file")
    label: str | None = Field(description="what is printed on the page if that differs")
    position: _Index = Field(description="prompt position, in tokens, of the page's first token")


class PromptPart(_Part):
    """The prompt. Its last four lists have one value for each token from the first page's first to the last one's."""

    token_ids: list[_Index] = Field(description="the whole prompt")
    document_start: _Index = Field(description="prompt position of the first value in pieces")
    pages: list[PagePart]
    pieces: list[str] = Field(
        description="the token's text; a character of several tokens stands in the first, and the others are empty"
    )
    token_page: list[int] = Field(description="index into pages; -1 for a token between pages")
    token_start: list[_Character] = Field(
        description="first character of the token in the page's text; 0 between pages"
    )
    token_end: list[_Character] = Field(description="the character after its last; 0 between pages")
    draft_tokens: _Index = Field(
        default=0, description="tokens of the draft, at the prompt's end; a trace without it was written when none told"
    )


class TokenPart(_Part):
    """A generated token."""

    token_id: _Index
    text: str = Field(description="what it adds to the output, empty while a character is incomplete")
    step: _Index = Field(description="0 for the token from the prefill's logits, n for decode step n")
    seconds: float = Field(description="time of the step")
    full_layers: _Index = Field(description="layers that attended to the whole context in the step")


class RefreshPart(_Part):
    """A new choice of what the small cache keeps."""

    step: _Index = Field(description="decode step, 0 for the end of the prefill")
    layers: list[_Index] = Field(description="the model's layers that chose anew")
    reason: Literal["prefill", "stride", "similarity", "rebuild"]
    context: _Index = Field(description="positions in the full cache: the prompt, then the generated tokens")
    packed: bytes = Field(
        description="URL-safe base64 of how many KV heads hold each position, layer by position, the layers in the "
        "order of the trace's: packed as app.trace.packing says, xor with the refresh before, every 16th by itself, as "
        "many bit planes as the number `heads` has bits, zlib"
    )


class EndingPart(_Part):
    """How the run finished."""

    reason: Literal["end_token", "stop_string", "length"]
    prefill_seconds: float
    decode_seconds: float


class TraceFile(_Part):
    """The whole object."""

    format: Literal["refreshkv-trace"] = "refreshkv-trace"
    version: Literal[1] = 1
    settings: SettingsPart
    prompt: PromptPart
    layers: list[_Index] = Field(description="the model's layers that the policy acts in, ascending")
    heads: int = Field(ge=1, le=255, description="KV heads of each layer")
    draft_start: _Index = Field(description="characters of the draft before the first that the run wrote")
    tokens: list[TokenPart]
    refreshes: list[RefreshPart] = Field(
        description="in the order of their steps; none under full attention; of a long text not all, see recorder.py"
    )
    ending: EndingPart | None = Field(description="null if the run was stopped or failed")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        prompt = self.prompt
        columns: tuple[Sized, ...] = (prompt.pieces, prompt.token_page, prompt.token_start, prompt.token_end)
        if len(set(map(len, columns))) > 1:
            raise ValueError("the lists of the prompt's tokens differ in length")
        if any(not -1 <= page < len(prompt.pages) for page in prompt.token_page):
            raise ValueError("a token's page is not among the pages")
        if prompt.document_start + len(prompt.pieces) + prompt.draft_tokens > len(prompt.token_ids):
            raise ValueError("the documents and the draft do not end within the prompt")
        for steps in ([token.step for token in self.tokens], [refresh.step for refresh in self.refreshes]):
            if any(a >= b for a, b in pairwise(steps)):
                raise ValueError("steps do not ascend")
        longest = max((refresh.context for refresh in self.refreshes), default=0)
        if longest * max(len(self.layers), len(self.refreshes)) > MOST_COUNTS:
            raise ValueError(f"{len(self.refreshes):,} refreshes of {longest:,} positions are more than can be played")
        for refresh in self.refreshes:
            generated = refresh.context - len(prompt.token_ids)
            if not 0 <= generated <= max(refresh.step, len(self.tokens)):
                raise ValueError(f"the refresh in step {refresh.step} has a context of {refresh.context}")
            if not set(refresh.layers) <= set(self.layers):
                raise ValueError(f"the refresh in step {refresh.step} names a layer that the policy does not act in")
        return self


def write_trace(trace: Trace) -> bytes:
    """The trace as a file's bytes; the same trace gives the same bytes."""
    settings = trace.settings
    whole = TraceFile(
        settings=SettingsPart(
            model=settings.model,
            quantization=settings.quantization,
            policy=dict(settings.policy),
            sampling=dict(settings.sampling),
            seed=settings.seed,
        ),
        prompt=_prompt_part(trace.prompt),
        layers=list(trace.layers),
        heads=trace.heads,
        draft_start=trace.draft_start,
        tokens=[TokenPart(**asdict(token)) for token in trace.tokens],
        refreshes=[RefreshPart(**{**asdict(refresh), "layers": list(refresh.layers)}) for refresh in trace.refreshes],
        ending=EndingPart(**asdict(trace.ending)) if trace.ending else None,
    )
    return gzip.compress(whole.model_dump_json().encode(), _LEVEL, mtime=0)


def read_trace(data: bytes) -> Trace:
    """The trace in a file's bytes. Raises TraceError if they hold none, or one of another version.

    Its texts are valid, see `app.text.valid`; a model may have written others.
    """
    try:
        whole = TraceFile.model_validate_json(_unzip(data))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"])) or "the whole"
        raise TraceError(
            "This is not a trace that can be read (format version {}): {}: {}. Choose a trace exported by this version "
            "of the app.",
            VERSION, where, problem["msg"],
        ) from None  # fmt: skip
    return Trace(
        RunSettings(**valid(dict(whole.settings))),
        _prompt_tokens(whole.prompt),
        tuple(whole.layers),
        whole.heads,
        whole.draft_start,
        tuple(Token(**valid(dict(token))) for token in whole.tokens),
        tuple(Refresh(r.step, tuple(r.layers), r.reason, r.context, r.packed) for r in whole.refreshes),
        Ending(**dict(whole.ending)) if whole.ending else None,
    )


def _prompt_part(prompt: PromptTokens) -> PromptPart:
    places = prompt.places
    return PromptPart(
        token_ids=list(prompt.token_ids),
        document_start=prompt.document_start,
        pages=[
            PagePart(
                name=_utf8(mark.name), document=document, number=mark.number, label=mark.label, position=mark.position
            )
            for mark, document in zip(prompt.pages, places.documents, strict=True)
        ],
        pieces=list(prompt.pieces),
        token_page=places.page.tolist(),
        token_start=places.start.tolist(),
        token_end=places.end.tolist(),
        draft_tokens=prompt.draft_tokens,
    )


def _prompt_tokens(part: PromptPart) -> PromptTokens:
    marks = tuple(PageMark(valid(page.name), page.number, valid(page.label), page.position) for page in part.pages)
    places = Places(
        np.array(part.token_page, np.int32),
        np.array(part.token_start, np.int32),
        np.array(part.token_end, np.int32),
        tuple(page.document for page in part.pages),
    )
    pieces = valid(tuple(part.pieces))
    return PromptTokens(tuple(part.token_ids), part.document_start, pieces, marks, places, part.draft_tokens)


def _utf8(name: str) -> str:
    """A file name without half surrogates, which stand for bytes that are no UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _unzip(data: bytes) -> bytes:
    """The text, of which is known how much there is before anything is made of it."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    pieces: list[bytes] = []
    compressed, size, values = len(data), 0, 1
    while data and not unzip.eof:
        try:
            piece = unzip.decompress(data, _PIECE)
        except zlib.error as error:
            raise TraceError("This is not a trace, or a damaged one: {}. Export it again.", str(error)) from None
        data = unzip.unconsumed_tail
        size, values = size + len(piece), values + piece.count(b",")  # some stand in texts: the limit is far
        if size > MOST_BYTES:
            raise TraceError("The trace has more than {:,} MB unpacked, which is the limit.", MOST_BYTES // 10**6)
        if values > MOST_VALUES:
            raise TraceError(
                "The trace has more than {:,} values, which is the limit. Choose one of a shorter run.", MOST_VALUES
            )
        pieces.append(piece)
    if not unzip.eof:
        raise TraceError("The trace is cut off after {:,} bytes. Export or download it again.", compressed)
    return b"".join(pieces)
