"""The protocol on a port of its own (streamable HTTP), for agents that cannot start a process here.

Before: `manage.py run_mcp --http`. After: `server` answers. Each request stands for itself: no session is kept, so that
an agent goes on where it was when this process was started again.

Who may ask is who may see the pages: DASHBOARD_TOKEN as a bearer token, under a name that is ours. A page of somebody
else in the browser next door is neither (DNS rebinding), hence the check of Host and Origin before all else.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, BinaryIO

import orjson
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from dashboard.access import bearer_allowed, host_allowed, origin_allowed
from dashboard.listener import Listener, end_cleanly
from dashboard.model_context.server import new_server

PATH = "/mcp"
MAX_BODY_BYTES = 256 * 1024
MAX_CONNECTIONS = 64
KEEP_ALIVE_S = 30
STOP_TIMEOUT_S = 5

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guarded:
    """The application for those who may ask; all others get a sentence."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._application(scope, receive, send)
        else:
            await _answer(send, *refusal)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    if not host_allowed(scope):
        return 421, "This is not reached by that name: use this machine's own, or set DASHBOARD_ALLOWED_HOSTS."
    if not origin_allowed(scope):
        return 403, "Pages of another origin may not ask."
    if not bearer_allowed(scope):
        return 401, "A token is needed: send it as Authorization: Bearer (DASHBOARD_TOKEN)."
    if scope["path"] != PATH:
        return 404, f"Nothing is here: the Model Context Protocol is spoken at {PATH}."
    if (
        scope["method"] != "POST"
    ):  # GET would be a stream of what a session is told by itself: there is none, nor an end
        return 405, "Messages are sent by POST; there are no sessions, and no streams to listen to."
    return None


async def _answer(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps({"detail": sentence, "problems": {}})})


def application() -> Application:
    """The ASGI application. The library's own check of Host and Origin knows fewer names than ours: it is off."""
    return Guarded(
        new_server().streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            max_request_body_size=MAX_BODY_BYTES,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
    )


def serve(listener: Listener, parent: BinaryIO | None = None) -> None:
    """Until SIGINT or SIGTERM, or until `parent` ends: the server that started this process. Raises PortBusy."""
    sock = listener.open()
    config = uvicorn.Config(
        application(),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    end_cleanly()
    server = uvicorn.Server(config)
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent, server), name="parent", daemon=True).start()
    server.run([sock])


def _outlive(parent: BinaryIO, server: uvicorn.Server) -> None:
    """Killed, the parent cannot end us: but its end of our standard input closes."""
    parent.read()
    server.should_exit = True
