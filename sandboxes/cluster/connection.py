"""An open door to one cluster: its lists, its watches, who it is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp  # what kubernetes.aio speaks with, and whose errors it lets through
import orjson
from kubernetes.aio.client import ApiClient, Configuration

from sandboxes.cluster.errors import Forbidden, NoCluster, NotServed, Unreachable, error_of, words_of
from sandboxes.cluster.place import Found
from sandboxes.cluster.resources import EXTENSIONS, Resource
from sandboxes.objects import mapping
from sandboxes.records import ClusterIdentity

PREFERRED_VERSIONS = ("v1beta1", "v1alpha1")
PAGE_ITEMS = 500
ANSWER_TIMEOUT_S = 30
WATCH_S = 290  # the server ends a watch after it; the client waits a little longer than the longest silence
SILENCE_S = 330


class Connection:
    """An open door to one cluster."""

    def __init__(self, found: Found) -> None:
        self.target = found.target
        self._client = _client(found.configuration)
        self._left: list[ApiClient] = []

    async def renew(self, found: Found) -> None:
        """Goes on with new credentials. Watches that are open keep the old ones until they end."""
        self._left.append(self._client)
        self._client = _client(found.configuration)

    async def close(self) -> None:
        for client in (self._client, *self._left):
            await client.close()  # type: ignore[no-untyped-call]

    async def identify(self) -> ClusterIdentity:
        """Who the cluster is, and which version of the claims it serves. Raises NoCluster without Agent Sandbox."""
        version = await self.version_of(EXTENSIONS)
        try:
            uid = mapping(await self.get("/api/v1/namespaces/kube-system"), "metadata").get("uid")
        except (Forbidden, NotServed):
            uid = None
        if not isinstance(uid, str) or not uid:
            place = f"{self.target.host} {self.target.authority}".encode()
            uid = hashlib.blake2b(place, digest_size=16).hexdigest()
        return ClusterIdentity(uid[:128], self.target.name, version)

    async def version_of(self, group: str) -> str:
        """The version of a group to ask for: the newest we know, else the one the cluster prefers. Raises NoCluster."""
        try:
            answer = await self.get(f"/apis/{group}")
        except NotServed as error:
            raise NoCluster(f"{self.target.name} has no Agent Sandbox: nobody serves {group} there") from error
        except Forbidden:
            return PREFERRED_VERSIONS[0]
        listed = answer.get("versions")
        items = listed if isinstance(listed, list) else []
        versions = [item.get("version") for item in items if isinstance(item, dict)]
        known = next((version for version in PREFERRED_VERSIONS if version in versions), None)
        return known or str(mapping(answer, "preferredVersion").get("version") or PREFERRED_VERSIONS[0])

    async def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """A JSON object. Raises ClusterError."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                response = await self._open(path, query or {}, aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S))
                async with response:
                    answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{self.target.name} does not answer: {words_of(error)}") from error
        if not isinstance(answer, dict):
            raise Unreachable(f"{self.target.name} answers with no JSON object")
        return answer

    async def pages(self, resource: Resource) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """A whole list, page by page, each with the list's resourceVersion. Raises ClusterError."""
        query: dict[str, str | int] = {"limit": PAGE_ITEMS, **resource.selectors}
        while True:
            page = await self.get(resource.path, query)
            metadata, items = mapping(page, "metadata"), page.get("items")
            found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
            yield found, str(metadata.get("resourceVersion") or "")
            onward = metadata.get("continue")
            if not isinstance(onward, str) or not onward:
                return
            query["continue"] = onward

    async def events(self, resource: Resource, resource_version: str) -> AsyncIterator[dict[str, Any]]:
        """Watch events, bookmarks among them, until the server ends the watch; at first, once it is open, an empty one.

        Raises ClusterError.
        """
        query: dict[str, str | int] = {
            **resource.selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": WATCH_S,
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_TIMEOUT_S, sock_read=SILENCE_S)
        try:
            async with await self._open(resource.path, query, timeout) as response:
                yield {}
                while line := await response.content.readline():
                    event = orjson.loads(line)
                    if isinstance(event, dict):
                        _raise_for_event(event)
                        yield event
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"the watch of {resource.words} broke off: {words_of(error)}") from error

    async def _open(
        self, path: str, query: Mapping[str, str | int], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """The answer's beginning, when it is a good one."""
        response = await self._send("GET", path, query, timeout)
        if response.status == 200:
            return response
        async with response:
            text = await response.content.read(10_000)
        raise error_of(response.status, text, path, response.headers.get("Retry-After", ""))

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        timeout: aiohttp.ClientTimeout,
        body: dict[str, Any] | None = None,
    ) -> aiohttp.ClientResponse:
        """The answer's beginning, whatever it is. A `body` is for reviews, which create nothing."""
        _, url, headers, *_ = await self._client.param_serialize(
            method, path, header_params={"Accept": "application/json"}, query_params=[], auth_settings=["BearerToken"]
        )
        full = f"{url}?{urlencode(query)}" if query else url
        answer = await self._client.call_api(method, full, header_params=headers, body=body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response


def _client(configuration: Configuration) -> ApiClient:
    client = ApiClient(configuration)
    client.user_agent = "agent-sandbox-dashboard"
    return client


def _raise_for_event(event: Mapping[str, Any]) -> None:
    """An ERROR event carries the Status that a request would have been answered with."""
    if event.get("type") != "ERROR":
        return
    status = mapping(event, "object")
    code = status.get("code")
    raise error_of(code if isinstance(code, int) else 500, orjson.dumps(status, default=str), "a watch", "")
