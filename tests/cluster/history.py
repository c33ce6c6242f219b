"""What really happened to the claims: every version etcd wrote, whoever was away at the time.

Before: a plane. After: its claims' changes in order, as the ground truth for what a watcher says it saw.
"""

from __future__ import annotations

import base64
import urllib.request
from dataclasses import dataclass
from typing import Any

import orjson

from tests.cluster.plane import Plane

PREFIX = b"/registry/extensions.agents.x-k8s.io/sandboxclaims"
FIRST, END_MARK, END = PREFIX + b"/", PREFIX + b"0", PREFIX + b"1"  # "0" comes after "/", and is nobody's


@dataclass(frozen=True, slots=True)
class Version:
    """One write. `revision` is the resourceVersion the API server gives it."""

    uid: str
    name: str
    revision: int
    deleted: bool


def claim_history(plane: Plane) -> list[Version]:
    """All versions of all claims since the last compaction, in order."""
    with _ask(plane, "kv/put", {"key": _coded(END_MARK)}) as answer:
        mark = orjson.loads(answer.read())["header"]["revision"]
    wish = {"key": _coded(FIRST), "range_end": _coded(END), "start_revision": 1, "prev_kv": True}
    found: list[Version] = []
    with _ask(plane, "watch", {"create_request": wish}) as answer:
        for line in answer:
            for event in orjson.loads(line)["result"].get("events", ()):
                if event["kv"]["mod_revision"] == mark:
                    return found
                if base64.b64decode(event["kv"]["key"]) != END_MARK:
                    found.append(_version(event))
    raise AssertionError("etcd ended the watch before it had told everything")


def _ask(plane: Plane, what: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(f"{plane.etcd_url}/v3/{what}", orjson.dumps(body), method="POST")
    return urllib.request.urlopen(request, timeout=60)


def _version(event: dict[str, Any]) -> Version:
    deleted = event.get("type") == "DELETE"
    metadata = orjson.loads(base64.b64decode(event["prev_kv" if deleted else "kv"]["value"]))["metadata"]
    return Version(metadata["uid"], metadata["name"], int(event["kv"]["mod_revision"]), deleted)


def _coded(key: bytes) -> str:
    return base64.b64encode(key).decode()
