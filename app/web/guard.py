"""Who may speak to the server: a page of its own, and programs; no other site that a browser shows.

A browser sends what any site asks for, also to this computer alone. A name that its owner points at 127.0.0.1 makes
that site's pages and the app one origin to the browser (DNS rebinding); such requests carry the name as `Host`. Others
are told by `Origin`, or where a browser sends none by `Sec-Fetch-Site`
(https://www.w3.org/TR/fetch-metadata/).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.say.wording import Message, Wording

ANY = "*"
EVERYWHERE = ("0.0.0.0", "::")
"""A server there is reached at all addresses of its computer."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}
_SHOWN = 100
"""Characters of a name that are said back."""


class _Site(NamedTuple):
    """A host, or the origin of a page."""

    name: str
    port: int | None
    scheme: str

    def is_origin_of(self, host: _Site) -> bool:
        """Whether pages of this origin are the host's own; a port that goes without saying may be left out."""
        usual = _PORTS.get(self.scheme)
        return usual is not None and (self.name, self.port or usual) == (host.name, host.port or usual)


class Guard:
    """ASGI middleware that refuses requests to another host than the app's (421) and from another site (403)."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], addresses: bool = False) -> None:
        """`hosts`: names by which people reach the app beside this computer's own, with or without a port, such as
        `writer.example`, `*.example.org`, or `*` for any. `addresses`: any IP address too, which no name can stand for.
        """
        self._app, self._addresses = app, addresses
        self._hosts = [_split(host.lower()) for host in hosts]
        self._any = ANY in hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or say why not."""
        refused = self._refused(scope) if scope["type"] in ("http", "websocket") and not self._any else None
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            status, message = refused
            said = message.worded(Wording.of(Headers(scope=scope).get("accept-language") or ""))
            await PlainTextResponse(said, status)(scope, receive, send)

    def _refused(self, scope: Scope) -> tuple[int, Message] | None:
        headers = Headers(scope=scope)
        host = _split(headers.get("host", ""))
        if not self._is_ours(host):
            return 421, _other_host(headers.get("host", ""))
        origin = headers.get("origin")
        if origin is not None:
            site = _split(origin)
            if not site.is_origin_of(host) and not self._is_named(site):
                return 403, _other_site(origin)
        elif headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            followed_link = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") in ("GET", "HEAD")
            if not followed_link:
                return 403, _other_site(headers.get("referer", ""))
        return None

    def _is_ours(self, host: _Site) -> bool:
        return host.name in LOOPBACK or self._is_named(host) or (self._addresses and _is_address(host.name))

    def _is_named(self, site: _Site) -> bool:
        """Whether it is one of those that were set."""
        return bool(site.name) and any(
            fnmatchcase(site.name, known.name) and known.port in (None, site.port) for known in self._hosts
        )


def own_names(host: str) -> list[str]:
    """By which a server at `host` is reached without any setting: for all addresses, the names of this computer."""
    if host not in EVERYWHERE:
        return [f"[{host}]" if ":" in host else host]
    name = socket.gethostname().lower()
    return [name, f"{name.partition('.')[0]}.local"]


def _other_host(host: str) -> Message:
    return Message(
        "This address is not the app's own: {}. Open it at http://localhost, with its port; if people are to reach it "
        "by this name, set REFRESHKV_ALLOWED_HOSTS to it and start the app again.",
        host[:_SHOWN],
    )


def _other_site(site: str) -> Message:
    return Message(
        "This request comes from another site ({}) and was refused, so that no other page reads your text. If the app "
        "is reached by that name, set REFRESHKV_ALLOWED_HOSTS to it and start the app again.",
        site[:_SHOWN],
    )


def _split(address: str) -> _Site:
    """An origin, or a host with or without its port; what is neither has no name."""
    try:
        split = urlsplit(address if "://" in address else f"//{address}")
        return _Site((split.hostname or "").removesuffix("."), split.port, split.scheme)
    except ValueError:
        return _Site("", None, "")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
