"""Serves the page: Gradio's Blocks, mounted on FastAPI, under a uvicorn of our own.

`Blocks.launch` asks for its own page as soon as it serves, and ends with "localhost is not accessible" where a busy
machine takes longer than three seconds to answer. Here the server is there when its socket is.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Sequence

import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio import mcp as gradio_mcp
from gradio.routes import App
from gradio.utils import get_upload_folder
from starlette.routing import Mount
from starlette.types import ASGIApp

from app.settings import PREFIX, SPACE_VARIABLE, Settings, SettingsError
from app.web import health
from app.web.context import AppContext
from app.web.guard import EVERYWHERE, Guard, own_names
from app.web.mailboxes import Mailboxes
from app.web.page import launch_options
from app.web.refusals import Refusals, answer_in_words

HOST, SPACE_HOST = "127.0.0.1", "0.0.0.0"
PORT, PORTS_TRIED = 7860, 100
HOST_VARIABLE, PORT_VARIABLE = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"
CLOSING_SECONDS = 5
"""So long what a client asked for last may take when the server ends."""


class Server:
    """The page at `url`, served in a thread of its own until `close`."""

    def __init__(self, blocks: gr.Blocks, settings: Settings, context: AppContext | None = None) -> None:
        """Begin to serve. `context`: of the page, which is told who is there. Raises SettingsError if the address that
        was asked for cannot be had."""
        self._socket = listening_socket(settings)
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://{_browsable(host)}:{port}/"
        self._blocks = blocks
        application: ASGIApp = _application(blocks, settings, host, context)
        if context is not None:
            application = Mailboxes(blocks, context.presence).tended(application)
            application = context.presence.watched(context.visitors.given(application))
        self._server = _Uvicorn(application)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="server", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until the server ends of itself, or KeyboardInterrupt is raised."""
        while self._thread.is_alive():
            self._thread.join(1)  # Windows notices Ctrl+C only between two waits

    def close(self) -> None:
        """Serve no more. Pages that are open find the server gone."""
        self._blocks.close(verbose=False)
        self._server.should_exit = True
        self._thread.join(2 * CLOSING_SECONDS)


class _Uvicorn(uvicorn.Server):
    """With the signals left to the main thread, where what is written is kept before the process ends."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, log_level="warning", timeout_graceful_shutdown=CLOSING_SECONDS)
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As if all pages had been closed; else it would wait for them, since what streams to them has no end."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets)


def listening_socket(settings: Settings) -> socket.socket:
    """A socket at the address of the settings or of Gradio's variables; on a Space at the one that Spaces look for.

    Without a port, the first that is free from 7860. Raises SettingsError if it cannot be had, or none is free.
    """
    space = SPACE_VARIABLE in os.environ
    host = (settings.host or os.environ.get(HOST_VARIABLE) or (SPACE_HOST if space else HOST)).strip("[]")
    wanted = settings.port or _port_variable() or (PORT if space else None)
    ports: Sequence[int] = range(PORT, PORT + PORTS_TRIED) if wanted is None else [wanted]
    for port in ports:
        try:
            return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = error.strerror or error
                raise SettingsError(f"{host}, port {port} cannot be served: {reason}. Set {PREFIX}HOST.") from None
    taken = f"Port {wanted} is" if wanted else f"The ports {ports[0]} to {ports[-1]} are"
    raise SettingsError(f"{taken} in use. Stop the program that uses it, or set {PREFIX}PORT to another.")


def _port_variable() -> int | None:
    text = os.environ.get(PORT_VARIABLE, "")
    if text and not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise SettingsError(f"{PORT_VARIABLE} is {text!r}: a port is a whole number from 1 to 65535")
    return int(text) if text else None


def _browsable(host: str) -> str:
    """As it stands in an address that a browser on this computer opens."""
    if host in EVERYWHERE:
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _application(blocks: gr.Blocks, settings: Settings, host: str, context: AppContext | None) -> FastAPI:
    """The page at the root, guarded, and its health beside it. What `Blocks.launch` sets, and mounting does not, is set
    here."""
    gradio_mcp.DEFAULT_TEMP_DIR = get_upload_folder()  # which it asked for before anything was set
    application = FastAPI(openapi_url=None)
    everywhere = host in EVERYWHERE
    application.add_middleware(Refusals)
    application.add_middleware(Guard, hosts=(*settings.allowed_hosts, *own_names(host)), addresses=everywhere)
    if context is not None:
        application.add_route(health.PATH, health.answering(context.commands.engine, context.memory))
    gr.mount_gradio_app(
        application, blocks, "/", show_error=False, ssr_mode=False, pwa=False, **launch_options(settings)
    )
    (gradio,) = (route.app for route in application.routes if isinstance(route, Mount) and isinstance(route.app, App))
    answer_in_words(gradio)
    blocks.app = gradio
    if settings.shared:
        blocks.api_open = False  # past the queue nobody sees whether a caller is there still; as on a Space
    blocks.has_launched = True  # else a client could have any file of this computer copied for it
    gradio.startup_events_triggered = True  # with the server; at /startup-events a client would start the queue again
    return application
