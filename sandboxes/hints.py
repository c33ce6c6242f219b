"""What new telemetry says about whose it is, as rows written with it in one transaction.

Before: `collector.store` wrote new spans and logs; this is one of the stages it runs over them. After: `correlate`
reads the hints by their ids, in its own time, and never has to search spans.

Cheap for what has nothing to do with sandboxes, which may be nearly all: one look through a batch's text for a few
words, one question for traces that are known already. What spans and logs say is strangers' text: it is bounded, and
read by patterns that cannot run long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from collector.records import LogRecord, NewRows, SpanRecord
from collector.redaction import MASK
from collector.sql import execute, insert_rows

KIND_CLIENT = 3
MAX_NAME_CHARS = 253
MAX_URL_CHARS = 4_096
MAX_LOG_CHARS = 2_000
IDS_A_QUESTION = 256

# What attributes that say something have in their text; the second ones only beside a URL.
WORDS = ('"sandbox.', "x_sandbox_id", "x-sandbox-id", "agents.x-k8s.io/")
URL_WORDS = ('"http.url"', '"url.full"')
CALL_WORDS = ("/execute", "/upload", "/download/", "/list", "/exists/")
LOG_WORDS = ("laim", "andbox", "Tunnel ready")


class HintKind(StrEnum):
    """What a hint's value is. The order is that of `correlate`: the surest first."""

    CLAIM_ATTRIBUTE = "claim attribute"  # a claim's name, on the span that creates it
    CLAIM_URL = "claim url"  # a claim's name, in a URL of the API server
    CLAIM_LOG = "claim log"  # a claim's name, in a line of the SDK's log
    CREATE_LOG = "create log"  # the same, of the line that announces it
    SANDBOX_URL = "sandbox url"  # a sandbox's name, in a URL of the API server
    SANDBOX_HEADER = "sandbox header"  # a sandbox's name, in a captured request header
    SANDBOX_ATTRIBUTE = "sandbox attribute"  # a sandbox's name, by the router
    RECONCILE = "reconcile"  # a sandbox's name, by a controller that looks after it
    SANDBOX_LOG = "sandbox log"  # a sandbox's name, in a line of the SDK's log
    TUNNEL_START = "tunnel start"  # a sandbox's name, in the log line that begins a tunnel to it
    TUNNEL = "tunnel"  # host and port, in the log line that says that a tunnel is ready there
    ANNOTATION = "annotation"  # a claim's uid: the trace its annotation names. Written by `correlate`
    CREATE = "create"  # a claim was made, which the span does not name
    COMMAND = "command"  # a command was run in a sandbox, which the span does not name; the value is host and port
    CALL = "call"  # another call that looks like one to a sandbox; the value is host and port, or empty for the SDK's
    MORE = "more"  # new spans that say nothing, in a trace that has other hints


class HintRow(NamedTuple):
    """A row of sandboxes_hint."""

    kind: str
    value: str
    namespace: str
    trace_id: bytes | None
    span_id: bytes | None
    time_ns: int
    resource_id: int | None


def record(new: NewRows) -> None:
    """The stage: writes the hints of new rows."""
    rows = [*_of_spans(new), *_of_logs(new)]
    rows += _of_known_traces(new, {row.trace_id for row in rows if row.trace_id})
    insert_rows("sandboxes_hint", HintRow._fields, rows)


def _of_spans(new: NewRows) -> Iterator[HintRow]:
    text = "\n".join([span.attributes for span in new.spans])
    words = [word for word in WORDS if word in text]
    if any(word in text for word in URL_WORDS):
        words += [word for word in CALL_WORDS if word in text]
    silent = {number for number, operation in enumerate(new.batch.operations) if operation.name.endswith(SILENT_CALLS)}
    if not words and not silent:
        return
    for span in new.spans:
        if any(word in span.attributes for word in words):
            attributes = orjson.loads(span.attributes)
            found = list(named_in_attributes(attributes, new.batch.operations[span.operation].kind))
        else:
            found = []
        if not found and span.operation in silent:
            found = [(HintKind.CALL, "", "")]
        for kind, value, namespace in found:
            yield _row(kind, value, namespace, span, span.start_ns, new.resource_ids[span.resource])


def _row(
    kind: HintKind, value: str, namespace: str, item: SpanRecord | LogRecord, time_ns: int, resource_id: int
) -> HintRow:
    span_id = item.span_id if item.trace_id else None
    return HintRow(kind.value, value, namespace, item.trace_id, span_id, time_ns, resource_id)


# Calls of the SDK that say nothing of their claim, and have a child that does only where HTTP is traced as well.
SILENT_CALLS = (".wait_for_claim_ready", ".wait_for_sandbox_ready", ".delete_claim")
CALL_ATTRIBUTES = {"sandbox.command.executable": HintKind.COMMAND, "sandbox.file.path": HintKind.CALL}
SANDBOX_ATTRIBUTES = {"sandbox.id": HintKind.SANDBOX_ATTRIBUTE, "sandbox.name": HintKind.RECONCILE}
URL_ATTRIBUTES = ("url.full", "http.url")
METHOD_ATTRIBUTES = ("http.request.method", "http.method")
STATUS_ATTRIBUTES = ("http.response.status_code", "http.status_code")
HEADER = "http.request.header.x_sandbox_"
HEADER_WITH_DASHES = "http.request.header.x-sandbox-"

# Of the API server, behind whatever proxy.
API_PATH = re.compile(
    r"/apis/(?:extensions\.)?agents\.x-k8s\.io/[^/]{1,20}/namespaces/([^/]{1,63})/(sandboxclaims|sandboxes)"
    r"(?:/([^/]{1,253}))?(?:/status)?/?$"
)
NAME_SELECTOR = re.compile(r"(?:^|&)fieldSelector=metadata\.name(?:%3[Dd]|=)([^&]{1,253})")
# Of the runtime inside a sandbox, and of the router before it.
COMMAND_PATH = re.compile(r"/execute/?$")
CALL_PATH = re.compile(r"/(?:upload|list)/?$|/(?:download|list|exists)/")

Found = tuple[HintKind, str, str]  # kind, value, namespace


def named_in_attributes(attributes: Mapping[str, Any], span_kind: int) -> Iterator[Found]:
    """What a span's attributes name, or say without naming it."""
    if name := _name(attributes.get("sandbox.claim.name")):
        yield HintKind.CLAIM_ATTRIBUTE, name, ""
    sandbox = ""
    for attribute, kind in SANDBOX_ATTRIBUTES.items():
        if sandbox := _name(attributes.get(attribute)):
            yield kind, sandbox, _name(attributes.get("sandbox.namespace"))
            break
    header = _header(attributes, "id")
    if header:
        yield HintKind.SANDBOX_HEADER, header, _header(attributes, "namespace")
    url = _first(attributes, URL_ATTRIBUTES)
    if isinstance(url, str) and len(url) <= MAX_URL_CHARS:
        yield from _in_url(url, attributes, span_kind, named=bool(sandbox or header))
    elif not (sandbox or header):
        yield from ((kind, "", "") for key, kind in CALL_ATTRIBUTES.items() if key in attributes)


def _in_url(url: str, attributes: Mapping[str, Any], span_kind: int, *, named: bool) -> Iterator[Found]:
    try:
        parts = urlsplit(url.replace(f":{MASK}@", "@"))  # of a password; brackets there would be taken for an address
    except ValueError:  # a bracket that is no address
        return
    if api := API_PATH.search(parts.path):
        namespace, resource, name = _name(unquote(api[1])), api[2], _name(unquote(api[3] or ""))
        selected = NAME_SELECTOR.search(parts.query)
        if selected and not name:
            name = _name(unquote(selected[1]))
        if name:
            yield (HintKind.CLAIM_URL if resource == "sandboxclaims" else HintKind.SANDBOX_URL), name, namespace
        elif resource == "sandboxclaims" and _created(attributes):
            yield HintKind.CREATE, "", namespace
    elif span_kind == KIND_CLIENT and not named:
        netloc = _name(parts.netloc.rpartition("@")[2][:MAX_NAME_CHARS])
        if COMMAND_PATH.match(parts.path):
            yield HintKind.COMMAND, netloc, ""
        elif CALL_PATH.match(parts.path):
            yield HintKind.CALL, netloc, ""


def _created(attributes: Mapping[str, Any]) -> bool:
    status = _first(attributes, STATUS_ATTRIBUTES)
    return _first(attributes, METHOD_ATTRIBUTES) == "POST" and isinstance(status, int) and 200 <= status < 300


def _first(attributes: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((attributes[key] for key in keys if key in attributes), None)


def _header(attributes: Mapping[str, Any], which: str) -> str:
    value = attributes.get(HEADER + which, attributes.get(HEADER_WITH_DASHES + which))
    return _name(value[0] if isinstance(value, list) and value else value)


def _name(value: object) -> str:
    """A name as it is said; none where part of it is masked: those of different sandboxes would be one. Nor one with
    NUL, which a URL may hold as %00: PostgreSQL would refuse it, and with it all that came in the same request."""
    sound = isinstance(value, str) and len(value) <= MAX_NAME_CHARS and MASK not in value and "\0" not in value
    return str(value) if sound else ""


# What the SDK says of a claim or sandbox, by versions 0.4 to 1.0.
NAME = r"([a-z0-9][-a-z0-9.]{0,252})"
LOG_LINES: tuple[tuple[HintKind, re.Pattern[str]], ...] = (
    (HintKind.CREATE_LOG, re.compile(rf"Creating SandboxClaim '{NAME}' in namespace '{NAME}'")),
    (HintKind.CLAIM_LOG, re.compile(rf"Watching claim '{NAME}' for ")),
    (HintKind.CLAIM_LOG, re.compile(rf"Watch on claim '{NAME}' ")),
    (HintKind.CLAIM_LOG, re.compile(rf"Resolving sandbox name from claim '{NAME}'")),
    (HintKind.CLAIM_LOG, re.compile(rf"Connection to sandbox claim '{NAME}' has been closed")),
    (HintKind.CLAIM_LOG, re.compile(rf"Terminated SandboxClaim: {NAME}$")),
    (HintKind.CLAIM_LOG, re.compile(rf"Error terminating SandboxClaim {NAME}:")),
    (HintKind.CLAIM_LOG, re.compile(rf"Failed to roll back SandboxClaim '{NAME}'")),
    (HintKind.SANDBOX_LOG, re.compile(rf"Resolved sandbox name '{NAME}' from claim status")),
    (HintKind.SANDBOX_LOG, re.compile(rf"Watching for Sandbox {NAME} to become ready")),
    (HintKind.SANDBOX_LOG, re.compile(rf"Sandbox {NAME} (?:is ready|was deleted)")),
    (HintKind.TUNNEL_START, re.compile(rf"Starting (?:tunnel for Sandbox|sandboxd pod tunnel for) {NAME}$")),
    (HintKind.TUNNEL, re.compile(r"Tunnel ready at https?://([^/\s]{1,253})/?$")),
    (HintKind.TUNNEL, re.compile(r"sandboxd pod tunnel ready \(rest=https?://([^/,\s]{1,253})")),
    (HintKind.SANDBOX_LOG, re.compile(rf"Stopping port-forwarding for Sandbox {NAME}\.\.\.")),
)


def _of_logs(new: NewRows) -> Iterator[HintRow]:
    for log in new.logs:
        body = log.body
        if body is None or len(body) > MAX_LOG_CHARS or not any(word in body for word in LOG_WORDS):
            continue
        text = orjson.loads(body)
        if isinstance(text, str) and (found := named_in_line(text)):
            yield _row(*found, log, log.time_ns, new.resource_ids[log.resource])


def named_in_line(text: str) -> Found | None:
    """What a line of the SDK's log names; None for any other line."""
    if len(text) > MAX_LOG_CHARS:
        return None
    for kind, line in LOG_LINES:
        if (match := line.match(text)) and MASK not in match[1]:
            return kind, match[1], match[2] if kind == HintKind.CREATE_LOG else ""
    return None


def _of_known_traces(new: NewRows, hinted: set[bytes]) -> list[HintRow]:
    """One hint for each trace that has older ones: what was decided about it has to be looked at again."""
    silent = {span.trace_id: span for span in new.spans if span.trace_id not in hinted}
    trace_ids = list(silent)
    rows = []
    for position in range(0, len(trace_ids), IDS_A_QUESTION):
        part = trace_ids[position : position + IDS_A_QUESTION]
        marks = ",".join(["%s"] * len(part))
        known = execute(f"SELECT DISTINCT trace_id FROM sandboxes_hint WHERE trace_id IN ({marks})", part).fetchall()
        for (trace_id,) in known:
            span = silent[bytes(trace_id)]
            rows.append(_row(HintKind.MORE, "", "", span, span.start_ns, new.resource_ids[span.resource]))
    return rows
