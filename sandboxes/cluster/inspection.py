"""A second door to a cluster, for questions about it: short time-outs, what its clock says, what we may do there.

Before: `dashboard.doctor` asks. After: answers as the API server gave them, or one of `errors`.

Access reviews are POSTs that create nothing: the API server answers them and forgets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

from sandboxes.cluster.connection import Connection
from sandboxes.cluster.errors import ClusterError, NotServed, Unreachable, error_of, words_of
from sandboxes.object_fields import at, text_at

TIMEOUT_S = 3.0
SECOND = 10**9
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ACCOUNT = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """Something an account may do or not. `namespace` empty: everywhere; `group` empty: core."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object, and how far the server's clock is ahead of ours: between two bounds, for its Date has seconds."""

    value: dict[str, Any]
    took_ns: int
    ahead_ns: tuple[int, int] | None


class Inspector(Connection):
    """An open door to one cluster that waits no longer than a reader would."""

    async def ask(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        """A JSON object, with the server's clock. Raises ClusterError."""
        return await self._exchange("GET", path, None, query or {})

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """A JSON object. Raises ClusterError."""
        return (await self.ask(path, query)).value

    async def may(self, right: Right) -> bool:
        """Whether our account may do that. Raises ClusterError."""
        attributes = {
            "verb": right.verb, "resource": right.resource, "group": right.group, "namespace": right.namespace,
            "subresource": right.subresource,
        }  # fmt: skip
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }
        answer = await self._exchange("POST", REVIEWS, review, {})
        return at(answer.value, "status", "allowed") is True

    async def account(self) -> str:
        """The name we are known by there; empty where the cluster does not tell (before Kubernetes 1.28)."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._exchange("POST", ACCOUNT, review, {})
        except NotServed:
            return ""
        return text_at(answer.value, "status", "userInfo", "username")

    async def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None, query: Mapping[str, str | int]
    ) -> Answer:
        began_ns, began = time.time_ns(), time.monotonic_ns()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._send(method, path, query, aiohttp.ClientTimeout(total=TIMEOUT_S), body)
                async with response:
                    text, status, headers = await response.read(), response.status, response.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = f"no answer in {TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else words_of(error)
            raise Unreachable(f"{self.target.name} does not answer: {why}") from error
        took_ns = time.monotonic_ns() - began
        if status not in (200, 201):
            raise error_of(status, text, path, headers.get("Retry-After", ""))
        try:
            value = orjson.loads(text)
        except ValueError as error:
            raise Unreachable(f"{self.target.name} answers with no JSON") from error
        if not isinstance(value, dict):
            raise ClusterError(f"{self.target.name} answers {path} with no JSON object")
        return Answer(value, took_ns, _ahead(headers.get("Date", ""), began_ns, began_ns + took_ns))


def _ahead(date: str, before_ns: int, after_ns: int) -> tuple[int, int] | None:
    """How far a clock is ahead of ours that said `date` at some time between two moments."""
    try:
        said_ns = int(parsedate_to_datetime(date).timestamp()) * SECOND
    except (TypeError, ValueError, OverflowError):
        return None
    return said_ns - after_ns, said_ns + SECOND - before_ns
