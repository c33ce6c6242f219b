"""An API server for the doctor's tests: real sockets, answers by path, rights that can be taken away.

`ApiServer()` is a cluster where everything is in place; a test breaks one thing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from wsgiref.handlers import format_date_time

import yaml
from aiohttp import web

CLAIMS, SANDBOXES = "/apis/extensions.agents.x-k8s.io", "/apis/agents.x-k8s.io"
DEPLOYMENTS = "/apis/apps/v1/namespaces/agent-sandbox-system/deployments"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/agent-sandbox-system/leases/a3317529.agent-sandbox.x-k8s.io"
SERVICES = "/api/v1/services"
PODS = "/api/v1/namespaces/{}/pods"
TEMPLATES, POOLS = f"{CLAIMS}/v1beta1/sandboxtemplates", f"{CLAIMS}/v1beta1/sandboxwarmpools"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ACCOUNT = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def named(name: str, namespace: str = "default", **members: Any) -> dict[str, Any]:
    """An object of that name."""
    return {"metadata": {"name": name, "namespace": namespace}, **members}


def pool(name: str, *, replicas: int = 2, ready: int = 2, template: str = "template") -> dict[str, Any]:
    spec = {"replicas": replicas, "sandboxTemplateRef": {"name": template}}
    status = {"observedGeneration": 1, **({"readyReplicas": ready} if ready else {})}
    made = named(name, spec=spec, status=status)
    made["metadata"]["generation"] = 1
    return made


def deployment(ready: int = 1, *arguments: str) -> dict[str, Any]:
    container = {"image": "registry.example/agent-sandbox-controller:v1.0.3", "args": list(arguments)}
    spec = {"replicas": 1, "template": {"spec": {"containers": [container]}}}
    return named("agent-sandbox-controller", "agent-sandbox-system", spec=spec, status={"readyReplicas": ready})


def router(namespace: str = "agent-sandbox-system") -> dict[str, Any]:
    return named("sandbox-router-svc", namespace, spec={"selector": {"app": "router"}})


def pod(name: str, *, ready: bool = True) -> dict[str, Any]:
    return named(name, status={"conditions": [{"type": "Ready", "status": str(ready)}]})


def kinds(*names: str) -> dict[str, Any]:
    return {"resources": [{"name": name} for name in names]}


def items(*found: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(found), "metadata": {"resourceVersion": "1"}}


class ApiServer:
    """Started on a free port."""

    def __init__(self) -> None:
        self.token = "good"
        self.ahead_s = 0
        self.denied: set[str] = set()  # "verb resource", or "resource" for every verb
        self.reviewed: list[dict[str, str]] = []
        self.answers: dict[str, Any] = {
            "/version": {"gitVersion": "v1.36.4"},
            CLAIMS: {"versions": [{"version": "v1beta1"}]},
            SANDBOXES: {"versions": [{"version": "v1beta1"}]},
            f"{CLAIMS}/v1beta1": kinds("sandboxclaims", "sandboxtemplates", "sandboxwarmpools", "sandboxclaims/status"),
            f"{SANDBOXES}/v1beta1": kinds("sandboxes"),
            DEPLOYMENTS: items(deployment(1, "--extensions")),
            SERVICES: items(router()),
            PODS.format("agent-sandbox-system"): items(pod("router")),
            TEMPLATES: items(named("template")),
            POOLS: items(pool("pool")),
        }  # fmt: skip
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def kubeconfig(self, path: Path, token: str = "good") -> None:
        """Writes a kubeconfig that leads here."""
        named_ones = {
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
        path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "test", **named_ones}))

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {"Date": format_date_time(time.time() + self.ahead_s)}
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized", headers)
        if request.path == REVIEW:
            asked = (await request.json())["spec"]["resourceAttributes"]
            self.reviewed.append(asked)
            return web.json_response({"status": {"allowed": self._may(asked)}}, status=201, headers=headers)
        if request.path == ACCOUNT:
            user = {"username": "system:serviceaccount:lab:dev"}
            return web.json_response({"status": {"userInfo": user}}, status=201, headers=headers)
        answer = self.answers.get(request.path)
        if isinstance(answer, int):
            return _status(answer, f"{request.path} is answered with {answer}", headers)
        if answer is None:
            return _status(404, "the server could not find the requested resource", headers)
        return web.json_response(answer, headers=headers)

    def _may(self, asked: dict[str, str]) -> bool:
        return not {asked["resource"], f"{asked['verb']} {asked['resource']}"} & self.denied


def _status(code: int, message: str, headers: dict[str, str]) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code, headers=headers)
