"""A real control plane with Agent Sandbox in it, as plain processes on free ports: up in seconds, gone without a trace.

Before: the tools. After: etcd, API server, controller-manager, scheduler, kwok for a kubelet, Agent Sandbox's
controller and router, its python runtime. Only containers are missing: kwok says of every Pod what a kubelet would, and
gives it an address where the real runtime answers. `kubectl port-forward` works: the documented program runs unchanged.

    with running_plane(folder) as plane:
        plane.apply(OBJECTS / "pools.yaml")
        uid = plane.claim("mine", "simple-sandbox-pool")
        plane.wait_ready("mine")
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import yaml

from tests.cluster.api import EXTENSIONS, KINDS, Api, Object, Refused
from tests.cluster.parts import TOKEN, Parts
from tests.cluster.programs import Program, listens
from tests.cluster.tools import Tools, find_tools

OBJECTS = Path(__file__).parent / "objects"
WAIT_S = 90  # only a failure takes that long; a busy machine may take a good part of it


class Plane:
    """One control plane. Its `api` makes, reads and deletes objects with all rights."""

    def __init__(self, folder: Path, tools: Tools, otlp_endpoint: str = "", context: str = "plane") -> None:
        self.folder = folder
        self.context = context
        self._parts = Parts(folder, tools, otlp_endpoint)
        self._programs: dict[str, Program] = {}
        self.api = Api(self._parts.server_url, TOKEN, self._parts.authority)

    @property
    def kubeconfig(self) -> Path:
        return self._parts.kubeconfig

    @property
    def kubeconfig_document(self) -> Object:
        """For `write_kubeconfig`, beside those of other planes."""
        return self._parts.kubeconfig_document(self.context, TOKEN)

    @property
    def router_url(self) -> str:
        """For SandboxDirectConnectionConfig."""
        return f"http://127.0.0.1:{self._parts.ports.router}"

    @property
    def etcd_url(self) -> str:
        return self._parts.etcd_url

    @property
    def metrics_url(self) -> str:
        """The controller's, for Prometheus."""
        return f"http://127.0.0.1:{self._parts.ports.controller_metrics}/metrics"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this cluster, and a kubectl."""
        kubectl = self._parts.tools.program("kubectl").parent
        path = f"{kubectl}:/usr/local/bin:/usr/bin:/bin"
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": path, "HOME": str(self.folder)}  # kubectl keeps caches

    # Start and end

    def start(self) -> None:
        """Returns once a claim would be served."""
        parts = self._parts
        parts.write_files(self.context)
        runtime = self._start(parts.runtime())
        self._start(parts.etcd(), lambda: listens(parts.ports.etcd))
        self._start(parts.api_server(), self._answers)
        self._install()
        # After the CRDs: otherwise the garbage collector notices them only some 17 s later.
        self._start(parts.controller_manager())
        self._start(parts.scheduler())
        kubelet = self._start(parts.kubelet())
        controller = self._start(parts.controller())
        router = self._start(parts.router())
        runtime.wait(lambda: _get_ok(f"http://{parts.pod_network[1]}:8888/"))
        kubelet.wait(lambda: listens(parts.ports.kubelet))
        controller.wait(lambda: _get_ok(f"http://127.0.0.1:{parts.ports.controller}/readyz"))
        router.wait(lambda: _get_ok(f"{self.router_url}/healthz"))

    def _start(self, program: Program, ready: Callable[[], bool] | None = None) -> Program:
        self._programs[program.name] = program
        program.start(ready)
        return program

    def _answers(self) -> bool:
        return self._parts.authority.exists() and self.api.answers("/readyz")

    def _install(self) -> None:
        """Agent Sandbox's kinds, two nodes, and the router's Service, which tunnels ask for."""
        for path in self._parts.tools.crds:
            self.api.apply(path)
        self.api.apply(OBJECTS / "base.yaml")
        # The controller ends at once when one of its kinds is not served yet.
        for kind in ("SandboxClaim", "SandboxTemplate", "SandboxWarmPool", "Sandbox"):
            self.wait(partial(self._serves, kind), f"{kind} to be served")

    def _serves(self, kind: str) -> bool:
        return self.api.list(kind) == []

    def stop(self) -> None:
        """Ends everything; the logs stay in the folder."""
        programs = list(reversed(self._programs.values()))
        for program in programs:
            if program.name not in ("etcd", "kube-apiserver"):
                program.ask_to_stop()
        for program in programs:
            # The API server waits for open watches, etcd for the API server: nobody needs what they would save.
            program.kill() if program.name in ("etcd", "kube-apiserver") else program.stop()

    # Faults

    def kill_api_server(self) -> None:
        """With no warning. What clients are told until it is started again is: connection refused."""
        self._programs["kube-apiserver"].kill()

    def start_api_server(self) -> None:
        self._programs["kube-apiserver"].start(self._answers)

    def stop_controller(self) -> None:
        """Nobody looks at claims any more."""
        self._programs["agent-sandbox-controller"].stop()

    def start_controller(self) -> None:
        url = f"http://127.0.0.1:{self._parts.ports.controller}/readyz"
        self._programs["agent-sandbox-controller"].start(lambda: _get_ok(url))

    def compact(self) -> None:
        """Forgets the history of all objects: a watch that begins before now is told 410."""
        latest = self.api.request("GET", self.api.path("Namespace"))["metadata"]["resourceVersion"]
        body = orjson.dumps({"revision": latest, "physical": True})
        request = urllib.request.Request(f"{self._parts.etcd_url}/v3/kv/compaction", body, method="POST")
        with urllib.request.urlopen(request, timeout=30):
            pass

    # Objects

    def apply(self, documents: str | Path | Object) -> list[Object]:
        """Makes the objects of a YAML text or file, or changes them to be so."""
        return self.api.apply(documents)

    def claim(self, name: str, pool: str, namespace: str = "default", **spec: Any) -> str:
        """Makes a claim; its uid."""
        document = {
            "apiVersion": EXTENSIONS,
            "kind": "SandboxClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"warmPoolRef": {"name": pool}, **spec},
        }
        return str(self.api.create(document)["metadata"]["uid"])

    def ready(self, claim: str, namespace: str = "default") -> bool:
        """Whether it has a Sandbox that is ready."""
        conditions = self.api.get("SandboxClaim", claim, namespace).get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def wait_ready(self, claim: str, namespace: str = "default") -> None:
        self.wait(lambda: self.ready(claim, namespace), f"the claim {claim} to be ready")

    def pool_ready(self, pool: str, namespace: str = "default") -> bool:
        """Whether as many Sandboxes as it wants wait in it."""
        found = self.api.get("SandboxWarmPool", pool, namespace)
        return bool(found.get("status", {}).get("readyReplicas", 0) == found["spec"]["replicas"])

    def wait_pool(self, pool: str, namespace: str = "default") -> None:
        self.wait(lambda: self.pool_ready(pool, namespace), f"the pool {pool} to be full")

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Returns as soon as it holds. Refusals and silence of the API server are no answer."""
        deadline = time.monotonic() + WAIT_S
        while True:
            with suppress(Refused, OSError):
                if condition():
                    return
            assert time.monotonic() < deadline, f"waited in vain for {what}; logs are in {self.folder}"
            time.sleep(0.05)

    def account(self, name: str, rules: list[Object], namespace: str = "default") -> Object:
        """A kubeconfig document of a new service account that may do this and nothing else, in the whole cluster."""
        metadata = {"name": name, "namespace": namespace}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        version = KINDS["ClusterRole"][0]
        self.apply({"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        subjects = [{"kind": "ServiceAccount", **metadata}]
        binding = {"kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": role, "subjects": subjects}
        self.apply({"apiVersion": version, **binding})
        wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"{self.api.path('ServiceAccount', namespace)}/{name}/token"
        token = self.api.request("POST", path, wish)["status"]["token"]
        return self._parts.kubeconfig_document(self.context, token)


@contextmanager
def running_plane(folder: Path, otlp_endpoint: str = "", context: str = "plane") -> Iterator[Plane]:
    """A plane that is ready; afterwards it is gone, its logs are in the folder. Raises tools.Missing."""
    plane = Plane(folder, find_tools(), otlp_endpoint, context)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


def write_kubeconfig(path: Path, *documents: Object) -> None:
    """One file with all their contexts; the first is the current one. Replaced whole: nobody reads half of it."""
    merged = {**documents[0]}
    for name in ("clusters", "users", "contexts"):
        merged[name] = [item for document in documents for item in document[name]]
    unfinished = path.with_suffix(".part")
    unfinished.write_text(yaml.safe_dump(merged))
    unfinished.replace(path)


def _get_ok(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
