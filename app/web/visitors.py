"""Which visitor a request comes from, for what is shared fairly. It protects nothing: whoever wants can be several."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.private import FILE

COOKIE = "refreshkv-visitor"
SECONDS = 365 * 24 * 3600
KEY_FILE, KEY_BYTES = "visitors.key", 32


class Visitors:
    """A visitor is a signed cookie; where a browser keeps none, as in a frame of another site, the page's session with
    its address as Gradio sees it, so that a reload makes another visitor of it."""

    def __init__(self, key: bytes) -> None:
        """`key`: what cookies are signed with."""
        self._key = key

    def of(self, request: gr.Request) -> str:
        """The visitor that sent it."""
        identity = self._known(dict(getattr(request, "cookies", None) or {}).get(COOKIE, ""))
        if identity is not None:
            return f"cookie {identity}"
        address = getattr(getattr(request, "client", None), "host", "")
        return f"session {request.session_hash or ''} from {address}"

    def given(self, app: ASGIApp) -> ASGIApp:
        """The same application, whose page gives each browser a cookie that brings none."""

        async def giving(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] != "/" or self._known(_cookie(scope)) is not None:
                await app(scope, receive, send)
                return
            secure = "; Secure" if _is_https(scope) else ""

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).append(
                        "set-cookie",
                        f"{COOKIE}={self.new()}; Max-Age={SECONDS}; Path=/; HttpOnly; SameSite=Lax{secure}",
                    )
                await send(message)

            await app(scope, receive, sent)

        return giving

    def new(self) -> str:
        """The cookie of a visitor who was not here before."""
        identity = secrets.token_hex(16)
        return f"{identity}.{self._signature(identity)}"

    def _known(self, cookie: str) -> str | None:
        """Who it names, None if it is not ours."""
        identity, _, signature = cookie.partition(".")
        return identity if hmac.compare_digest(signature.encode(), self._signature(identity).encode()) else None

    def _signature(self, identity: str) -> str:
        return hmac.new(self._key, identity.encode(), hashlib.sha256).hexdigest()


def kept_key(folder: Path) -> bytes:
    """The key in a folder, made if there is none; only this user may read it."""
    path = folder / KEY_FILE
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
        path.unlink()  # cut off when it was written
        return kept_key(folder)
    with os.fdopen(file, "wb") as opened:
        key = secrets.token_bytes(KEY_BYTES)
        opened.write(key)
    return key


def _cookie(scope: Scope) -> str:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _is_https(scope: Scope) -> bool:
    """Also where a proxy, such as that of a Space, speaks HTTPS for the app."""
    return scope.get("scheme") == "https" or Headers(scope=scope).get("x-forwarded-proto", "").startswith("https")
