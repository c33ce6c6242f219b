"""The control plane's API, as far as tests need it: objects as plain dicts, by kind and name.

Before: an address and a token. After: what the API server answers; its refusals are `Refused`, with its own words.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import yaml

Object = dict[str, Any]
TIMEOUT_S = 30
FIELD_MANAGER = "tests"
EXTENSIONS, AGENTS = "extensions.agents.x-k8s.io/v1beta1", "agents.x-k8s.io/v1beta1"
RBAC = "rbac.authorization.k8s.io/v1"
# kind: its API version, the name of its collection, whether it lives in a namespace.
KINDS: dict[str, tuple[str, str, bool]] = {
    "SandboxClaim": (EXTENSIONS, "sandboxclaims", True),
    "SandboxTemplate": (EXTENSIONS, "sandboxtemplates", True),
    "SandboxWarmPool": (EXTENSIONS, "sandboxwarmpools", True),
    "Sandbox": (AGENTS, "sandboxes", True),
    "Pod": ("v1", "pods", True),
    "Service": ("v1", "services", True),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "ResourceQuota": ("v1", "resourcequotas", True),
    "Event": ("events.k8s.io/v1", "events", True),
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Role": (RBAC, "roles", True),
    "RoleBinding": (RBAC, "rolebindings", True),
    "ClusterRole": (RBAC, "clusterroles", False),
    "ClusterRoleBinding": (RBAC, "clusterrolebindings", False),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
}


class Refused(Exception):
    """The API server said no."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    """A client with one token. Raises Refused, and OSError while nobody answers."""

    def __init__(self, url: str, token: str, authority: Path) -> None:
        self.url = url
        self._token = token
        self._authority = authority

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **query: str
    ) -> Object:
        """One call; the answer's JSON."""
        address = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        data = None if body is None else orjson.dumps(body)
        request = urllib.request.Request(address, data, headers, method=method)
        context = ssl.create_default_context(cafile=self._authority)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:
                found: Object = orjson.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            raise Refused(error.code, _words(error.read())) from error

    def answers(self, path: str) -> bool:
        """Whether the path answers 200. Raises OSError while nobody does."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {self._token}"})
        context = ssl.create_default_context(cafile=self._authority)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    def apply(self, documents: str | Path | Object) -> list[Object]:
        """Makes the objects of a YAML text or file, or changes them to be so."""
        return [self._apply(document) for document in _documents(documents)]

    def _apply(self, document: Object) -> Object:
        metadata = document["metadata"]
        path = f"{self.path(document['kind'], metadata.get('namespace', 'default'))}/{metadata['name']}"
        # JSON is YAML: server-side apply takes it.
        content_type = "application/apply-patch+yaml"
        return self.request("PATCH", path, document, content_type, fieldManager=FIELD_MANAGER, force="true")

    def path(self, kind: str, namespace: str = "default") -> str:
        """The address of a kind's collection; of all namespaces when that is empty."""
        version, collection, namespaced = KINDS[kind]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{root}/namespaces/{namespace}/{collection}" if namespaced and namespace else f"{root}/{collection}"

    def create(self, document: Object) -> Object:
        """Makes an object that is not there yet."""
        return self.request("POST", self.path(document["kind"], _namespace(document)), document)

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        return self.request("GET", f"{self.path(kind, namespace)}/{name}")

    def list(self, kind: str, namespace: str = "default") -> list[Object]:
        found = self.request("GET", self.path(kind, namespace))["items"]
        assert isinstance(found, list)
        return found

    def patch(self, kind: str, name: str, change: Object, namespace: str = "default") -> Object:
        """Merges the change into it."""
        return self.request("PATCH", f"{self.path(kind, namespace)}/{name}", change, "application/merge-patch+json")

    def delete(self, kind: str, name: str, namespace: str = "default") -> None:
        self.request("DELETE", f"{self.path(kind, namespace)}/{name}")


def _namespace(document: Mapping[str, Any]) -> str:
    return str(document["metadata"].get("namespace", "default"))


def _documents(source: str | Path | Object) -> Iterator[Object]:
    if isinstance(source, dict):
        yield source
        return
    text = source.read_text() if isinstance(source, Path) else source
    yield from (document for document in yaml.load_all(text, yaml.CSafeLoader) if document)


def _words(body: bytes) -> str:
    try:
        return str(orjson.loads(body).get("message"))
    except (ValueError, AttributeError):
        return body[:300].decode(errors="replace")
