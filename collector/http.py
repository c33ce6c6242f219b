"""The OTLP/HTTP door: an ASGI application for /v1/traces, /v1/metrics and /v1/logs.

Before: the server has a request. After: `door` stores the body, and the answer goes back in the request's encoding.

Not a Django view: that costs a millisecond a request, this 0.05. The rules are those of the OpenTelemetry protocol
specification 1.11 ("OTLP/HTTP"); where it leaves the choice, what real exporters do with an answer decides.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from collector import door
from collector.decode import Encoding, Signal, encode_status
from collector.door import Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

SIGNALS: dict[str, Signal] = {"/v1/traces": "traces", "/v1/metrics": "metrics", "/v1/logs": "logs"}
ENCODINGS: dict[str, Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
CONTENT_TYPES = {encoding: content_type.encode() for content_type, encoding in ENCODINGS.items()}

# HTTP's status for each google.rpc code we refuse with.
STATUSES = {
    door.INVALID_ARGUMENT: 400,
    door.UNAUTHENTICATED: 401,
    door.PERMISSION_DENIED: 403,
    door.NOT_FOUND: 404,
    door.RESOURCE_EXHAUSTED: 413,
    door.INTERNAL: 500,
    door.UNAVAILABLE: 503,
}

BODY_TIMEOUT_S = 120  # a body of the largest size takes that long at 0.5 MB/s
# Bodies still arriving, over all connections; what has arrived counts against ingest.MAX_WAITING_BYTES.
MAX_READING_BYTES = 128 * 1024 * 1024

CORS_HEADER = re.compile(
    r"content-type|content-encoding|authorization|user-agent|traceparent|tracestate|x-[\w-]{1,100}"
)
CORS_MAX_AGE_S = 7_200


class _Gone(Exception):
    """The client went away before its body was whole: there is nobody to answer."""


class _Declined(Refusal):
    """A refusal with an HTTP status of its own: 405, 408, 415."""

    def __init__(self, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(door.UNIMPLEMENTED if status == 405 else door.INVALID_ARGUMENT, sentence)
        self.status = status
        self.headers = list(headers)


class _Reading:
    """How many bytes of unfinished bodies are held."""

    def __init__(self) -> None:
        self.held_bytes = 0

    async def whole_body(self, receive: Receive, announced_bytes: int | None) -> bytes:
        """The request's body. Raises Refusal (413, 503, 408) or _Gone."""
        if announced_bytes is not None:
            _check_size(announced_bytes)
        chunks: list[bytes] = []
        size_bytes, more = 0, True
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    chunks.append(chunk)
                    size_bytes += len(chunk)
                    self.held_bytes += len(chunk)
                    _check_size(size_bytes)
                    if self.held_bytes > MAX_READING_BYTES:
                        raise door.overloaded("too many large bodies are arriving at once; try again in a second")
        except TimeoutError as error:
            raise _Declined(408, f"The body was not whole after {BODY_TIMEOUT_S} s.") from error
        finally:
            self.held_bytes -= size_bytes
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


_reading = _Reading()


def _check_size(size_bytes: int) -> None:
    if size_bytes > settings.OTLP_MAX_BODY_BYTES:
        raise door.too_large()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one OTLP request."""
    headers = _headers(scope)
    encoding = ENCODINGS.get(_content_type(headers))
    try:
        if scope["method"] == "OPTIONS" and (preflight := _preflight(headers)) is not None:
            await _send(send, 204, b"", preflight)
            return
        signal = _signal(scope)
        body, packed, encoding = await _request_body(headers, receive)
        answer = await door.accept(signal, body, encoding, packed=packed)
        await _send(send, 200, answer, [(b"content-type", CONTENT_TYPES[encoding]), *_cors(headers)])
    except Refusal as refusal:
        await _refuse(send, refusal, encoding or "json", headers)
    except _Gone:
        return


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-case name; values of a repeated header are joined, as RFC 9110 allows."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _content_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _signal(scope: Scope) -> Signal:
    """Which of the three, or a Refusal: 404 for another path, 405 for another method."""
    signal = SIGNALS.get(scope["path"].rstrip("/"))
    if signal is None:
        raise Refusal(
            door.NOT_FOUND,
            "There is no such path here: send OTLP by POST to /v1/traces, /v1/metrics or /v1/logs."
            f" The dashboard's pages are on port {settings.DASHBOARD_PORT}.",
        )
    if scope["method"] != "POST":
        raise _Declined(405, f"Only POST is taken here: {scope['path']} receives OTLP.", (b"allow", b"POST"))
    return signal


async def _request_body(headers: dict[str, str], receive: Receive) -> tuple[bytes, bool, Encoding]:
    """(the body as sent, whether it is packed, its encoding), after everything that can be checked without it."""
    door.check_key(_values(headers, "x-otlp-api-key"), _values(headers, "authorization"))
    encoding = ENCODINGS.get(_content_type(headers))
    if encoding is None:
        given = _content_type(headers)[:100] or "none"
        raise _Declined(
            415, f"The Content-Type has to be application/x-protobuf or application/json; this request's is {given}."
        )
    packing = headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "", "gzip"):
        raise _Declined(
            415, f"The Content-Encoding {packing[:100]} is not known: use gzip or none.", (b"accept-encoding", b"gzip")
        )
    length = headers.get("content-length", "")
    body = await _reading.whole_body(receive, int(length) if length.isascii() and length.isdigit() else None)
    return body, packing == "gzip", encoding


def _values(headers: dict[str, str], name: str) -> list[str]:
    return headers[name].split(",") if name in headers else []


async def _refuse(send: Send, refusal: Refusal, encoding: Encoding, headers: dict[str, str]) -> None:
    """The refusal as a google.rpc.Status."""
    more: Headers = [(b"content-type", CONTENT_TYPES[encoding]), *_cors(headers)]
    if isinstance(refusal, _Declined):
        status, code_headers = refusal.status, refusal.headers
    else:
        status, code_headers = STATUSES[refusal.code], []
    more += code_headers
    if refusal.retry_after_s is not None:
        more.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if status == 401:
        more.append((b"www-authenticate", b"Bearer"))
    if status in (408, 413):
        more.append((b"connection", b"close"))  # what is left of the body is not worth reading
    await _send(send, status, encode_status(refusal.code, refusal.sentence, encoding, refusal.retry_after_s), more)


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    if status != 204:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _cors(headers: dict[str, str]) -> Headers:
    """Lets a page of an allowed origin read the answer. Other pages cannot even send: both content types need leave."""
    origin = headers.get("origin", "")
    allowed = settings.OTLP_CORS_ORIGINS
    if not origin or not (origin in allowed or "*" in allowed):
        return []
    return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin")]


def _preflight(headers: dict[str, str]) -> Headers | None:
    """The answer to a browser that asks whether it may; None for an origin that may not."""
    cors = _cors(headers)
    if not cors:
        return None
    asked = [name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")]
    allowed = ", ".join(name for name in asked if CORS_HEADER.fullmatch(name))
    return [
        *cors,
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", allowed.encode("latin-1")),
        (b"access-control-max-age", str(CORS_MAX_AGE_S).encode()),
    ]
