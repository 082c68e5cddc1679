"""What Gradio's own routes make of requests that no page sends: an answer in words and a line in the log.

They would answer 500 and log a traceback with all that was sent, or answer nothing at all.
"""

from __future__ import annotations

import errno
import logging
import re
import traceback
from urllib.parse import unquote

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from httpx import InvalidURL
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.text.valid import valid_text

NOT_UNDERSTOOD = (
    "What was sent is not understood: it names what is not there, or has another form than this address takes. "
    "/gradio_api/info says what can be called, and how."
)
NO_ADDRESSES = "Files are not fetched from other computers. Download the file and upload it."
DISK_FULL = "The server's disk is full. Free some space there and try again."
FAILED = "The server failed. Its log says why."

MALFORMED = (LookupError, ValueError, TypeError, AttributeError, AssertionError, FnIndexInferError, InvalidURL)
"""What Gradio's routes raise of what they did not expect."""

SHOWN = 300
"""Characters of a reason or an address that are answered or logged."""

_ADDRESS = re.compile(r"/file[=/]\s*[a-z]+:/", re.IGNORECASE)

logger = logging.getLogger(__name__)


class Refusals:
    """ASGI middleware around Gradio's application. Statuses of 500 become 400 where the request is to blame, 507 where
    the disk is full; and no other computer is asked for a file."""

    def __init__(self, app: ASGIApp) -> None:
        """`app`: Gradio's, or what leads to it."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or say what is wrong with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _ADDRESS.search(unquote(scope["path"])):
            await PlainTextResponse(NO_ADDRESSES, 403)(scope, receive, send)
        else:
            await self._told(scope, receive, send)

    async def _told(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []
        begun, ended = False, False

        async def sent(message: Message) -> None:
            nonlocal begun, ended
            if held or (message["type"] == "http.response.start" and message["status"] == 500):
                held.append(message)
            else:
                begun, ended = True, message["type"] == "http.response.body" and not message.get("more_body")
                await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            _log(scope, error)
            if not begun:
                await _answer(error)(scope, receive, send)
            elif not ended:  # a stream has said by itself what is wrong
                await send({"type": "http.response.body", "body": b""})
            return
        for message in held:  # what a function refuses, in its own words
            await send({**message, "status": 400} if message["type"] == "http.response.start" else message)


def answer_in_words(gradio: FastAPI) -> None:
    """Have an application say what is wrong with a body without sending it back: JSON cannot hold all that it can be
    read from."""

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]]
        return JSONResponse({"detail": valid_text("; ".join(found))[:SHOWN]}, 422)

    gradio.add_exception_handler(RequestValidationError, invalid)


def _answer(error: Exception) -> Response:
    if isinstance(error, MALFORMED):
        status, said = 400, NOT_UNDERSTOOD
    elif isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        status, said = 404, NOT_UNDERSTOOD
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        status, said = 507, DISK_FULL
    else:
        status, said = 500, FAILED
    return JSONResponse({"error": said, "detail": said}, status)


def _log(scope: Scope, error: Exception) -> None:
    """A line where the request is to blame; nothing where the client is gone, or a stream's page is not known."""
    if isinstance(error, ClientDisconnect) or isinstance(error.__cause__ or error.__context__, HTTPException):
        return
    asked = f"{scope['method']} {scope['path'][:SHOWN]!r}"
    if isinstance(error, MALFORMED):
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {str(error)[:SHOWN]!r} in {place.name}"
        logger.warning("%s was refused: %s", asked, said)
    else:
        logger.error("%s failed", asked, exc_info=error)
