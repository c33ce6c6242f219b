"""An API server for the watcher's tests: real sockets, and lists and watches as a real one answers them.

It keeps objects of any resource in memory. A test puts, changes and deletes objects (recorded ones), and lets happen
what happens to API servers: connections that drop, outages, 410, credentials that expire, rights that are missing.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

NOT_FOUND = {"kind": "Status", "code": 404, "message": "the server could not find the requested resource"}


class FakeCluster:
    """Started on a free port; after `stop` it can be started again on the same one."""

    def __init__(self, uid: str = "cluster-1") -> None:
        self.uid = uid
        self.port = 0
        self.versions = ["v1beta1", "v1alpha1"]
        self.token = "good"
        self.forbidden: set[str] = set()
        self.refuse_selectors_of: set[str] = set()  # groups
        self.requests: Counter[str] = Counter()  # "list pods", "watch pods"
        self.queries: list[tuple[str, dict[str, str]]] = []
        self.version = 100
        self.page_items = 500
        self._oldest: dict[str, int] = defaultdict(int)  # watches from before it are answered with 410
        self._objects: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self._history: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        self._changed = asyncio.Condition()
        self._connections = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self.port or self._runner.addresses[0][1]

    async def stop(self) -> None:
        """An outage: every connection is reset, new ones are refused."""
        await self.drop()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def drop(self) -> None:
        """Cuts every open watch off in its middle."""
        async with self._changed:
            self._connections += 1
            self._changed.notify_all()

    def kubeconfig(self, path: Path, token: str = "good") -> None:
        """Writes a kubeconfig that leads here."""
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
                    "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                    "users": [{"name": "u", "user": {"token": token}}],
                }
            )
        )

    def put(self, resource: str, value: dict[str, Any]) -> None:
        """An object that is there before anybody watches."""
        self._objects[resource][value["metadata"]["uid"]] = value
        self.version = max(self.version, int(value["metadata"]["resourceVersion"]))

    async def tell(self, resource: str, how: str, value: dict[str, Any]) -> None:
        """Something happens to an object, and all who watch hear of it."""
        uid = value["metadata"]["uid"]
        if how == "DELETED":
            self._objects[resource].pop(uid, None)
        else:
            self._objects[resource][uid] = value
        self.version = max(self.version + 1, int(value["metadata"]["resourceVersion"]))
        await self._send(resource, {"type": how, "object": value})

    async def bookmark(self, resource: str) -> None:
        self.version += 1
        await self._send(resource, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}})

    def compact(self, resource: str) -> None:
        """Forgets the past: a watch from now or before is answered with 410, a list with all there is."""
        self.version += 1
        self._oldest[resource] = self.version
        self._history[resource].clear()

    async def _send(self, resource: str, event: dict[str, Any]) -> None:
        async with self._changed:
            self._history[resource].append((self.version, event))
            self._changed.notify_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path, query = request.path, dict(request.query)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        if path == "/api/v1/namespaces/kube-system":
            if "namespaces" in self.forbidden:
                return _status(403, "namespaces is forbidden")
            return web.json_response({"kind": "Namespace", "metadata": {"uid": self.uid}})
        parts = path.strip("/").split("/")
        if parts[0] == "apis" and len(parts) == 2:
            if not self.versions:
                return web.json_response(NOT_FOUND, status=404)
            return web.json_response({"versions": [{"version": version} for version in self.versions]})
        return await self._resource(request, parts, query)

    async def _resource(self, request: web.Request, parts: list[str], query: dict[str, str]) -> web.StreamResponse:
        resource = parts[-1]
        group = parts[1] if parts[0] == "apis" else ""
        self.queries.append((request.path, query))
        if resource in self.forbidden:
            return _status(403, f'{resource} is forbidden: User "dev" cannot list resource "{resource}"')
        if group in self.refuse_selectors_of and "fieldSelector" in query:
            return _status(400, "field label not supported")
        watching = query.get("watch") == "true"
        self.requests[f"{'watch' if watching else 'list'} {resource}"] += 1
        if watching:
            return await self._watch(request, resource, query)
        begin = int(query.get("continue", "0"))
        end = begin + min(self.page_items, int(query["limit"]))
        found = [value for value in self._objects[resource].values() if _selected(value, query)]
        metadata = {"resourceVersion": str(self.version)} | ({"continue": str(end)} if end < len(found) else {})
        items = [{key: value[key] for key in value if key not in ("kind", "apiVersion")} for value in found[begin:end]]
        return web.json_response({"kind": "List", "metadata": metadata, "items": items})

    async def _watch(self, request: web.Request, resource: str, query: dict[str, str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        seen, connections = int(query["resourceVersion"]), self._connections
        if seen < self._oldest[resource]:
            status = {"kind": "Status", "code": 410, "message": f"too old resource version: {seen}"}
            await _write(response, {"type": "ERROR", "object": status})
            return response
        while True:
            async with self._changed:
                new = [entry for entry in self._history[resource] if entry[0] > seen]
                if not new and connections == self._connections:
                    await self._changed.wait()
                    continue
            if connections != self._connections:
                if request.transport:
                    request.transport.abort()
                return response
            seen = new[-1][0]
            try:
                for _, event in new:
                    if event["type"] == "BOOKMARK" or _selected(event["object"], query):
                        await _write(response, event)
            except ConnectionResetError:  # who watched was killed
                return response


@asynccontextmanager
async def reachable_cluster(folder: Path) -> AsyncIterator[FakeCluster]:
    """A cluster, and a `kubeconfig` in the folder that leads to it."""
    cluster = FakeCluster()
    await cluster.start()
    cluster.kubeconfig(folder / "kubeconfig")
    yield cluster
    await cluster.stop()


def _selected(value: dict[str, Any], query: dict[str, str]) -> bool:
    label = query.get("labelSelector")
    if label and label not in value["metadata"].get("labels", {}):
        return False
    field, _, wanted = query.get("fieldSelector", "").partition("=")
    return not field or (value.get("regarding") or value.get("involvedObject") or {}).get("kind") == wanted


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)


async def _write(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(json.dumps(event).encode() + b"\n")


async def until(condition: Callable[[], object], timeout_s: float = 90) -> None:
    """Returns as soon as the condition holds; it is never waited for unless something is broken."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
