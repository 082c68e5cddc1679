"""The one door through which everything comes that a page or a program sends."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
from fastapi import HTTPException
from gradio.context import LocalContext
from gradio.exceptions import InvalidPathError
from gradio_client.utils import is_http_url_like

from app.say.wording import ENGLISH, Message
from app.text.valid import valid
from app.web.events import failure, wording

NOT_UPLOADED = "A file was not uploaded. Upload it first; in gradio_client that is handle_file(path)."
NOT_HELD = "A value came that its field cannot hold. Send one of its type (/gradio_api/info)."
TOO_FEW = "{} values came, and {} are needed. Send one for each parameter that /gradio_api/info names."
WENT_WRONG = Message(
    "Something went wrong on the server. Your text is kept: try again, and if it comes again see the server's log."
)
SHOWN = 1_500
"""Characters of a refusal that are sent."""

logger = logging.getLogger(__name__)


class ValidBlocks(gr.Blocks):
    """A gr.Blocks whose handlers never meet a text that could not be stored or sent back.

    Half a surrogate pair, say, which a browser can hold and JSON can carry, makes the stream of events fail that brings
    it back; and what is kept would make it fail again at every visit.
    """

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> dict[str, Any]:
        """As Gradio's, with valid inputs and event data. Raises gr.Error also for a file of another path than uploads
        have, for one that Gradio would fetch from an address, to a program that leaves values out, and where a handler
        fails: then the end of the traceback is logged."""
        _forget_the_request_before()
        event = options.get("event_data")
        if event is not None:
            event._data = valid(event._data)
        if _has_address(inputs):
            raise gr.Error(NOT_UPLOADED, print_exception=False)
        if block_fn.api_visibility == "public" and len(inputs) < len(block_fn.inputs):
            raise gr.Error(TOO_FEW.format(len(inputs), len(block_fn.inputs)), print_exception=False)
        try:
            return await super().process_api(block_fn, valid(inputs), *args, **options)
        except gr.Error as error:
            error.message = _shortened(str(error.message))
            raise
        except HTTPException:
            raise
        except Exception:  # which Gradio would print, with all that it says
            logger.exception("%s failed", block_fn.api_name or block_fn)
            say = wording(options["request"]) if options.get("request") else ENGLISH
            raise failure(WENT_WRONG.worded(say)) from None

    async def preprocess_data(self, *args: Any, **options: Any) -> Any:
        """As Gradio's. What it refuses is told, also where it would tell nothing, and not in the log: only programs
        send that. Raises gr.Error."""
        try:
            return await super().preprocess_data(*args, **options)
        except InvalidPathError:
            told = NOT_UPLOADED
        except gr.Error as error:
            told = str(error.message)
        except ValueError:  # of a component, or of a file's data
            told = NOT_HELD
        raise gr.Error(told, print_exception=False)


def _forget_the_request_before() -> None:
    """After a body that came in several pieces, asyncio serves what else comes over the connection in the context of
    that request. If its handler failed, Gradio has left there that one is at work, and would build no component."""
    LocalContext.in_event_listener.set(False)
    LocalContext.request.set(None)
    LocalContext.blocks_config.set(None)


def _shortened(text: str) -> str:
    """A refusal without the middle of what came: its beginning says what is wrong, its end what to do."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} … {text[-SHOWN // 2 :]}"


def _has_address(value: Any) -> bool:
    """Whether a file is among the values whose path is an address."""
    if isinstance(value, list):
        return any(map(_has_address, value))
    if not isinstance(value, dict):
        return False
    path = value.get("path")
    return ("meta" in value and isinstance(path, str) and is_http_url_like(path)) or _has_address([*value.values()])
