"""What is listed and watched, and under which paths."""

from __future__ import annotations

from dataclasses import dataclass

from sandboxes.objects import SANDBOX_HASH_LABEL
from sandboxes.records import Kind

EXTENSIONS, AGENTS, EVENTS = "extensions.agents.x-k8s.io", "agents.x-k8s.io", "events.k8s.io"


@dataclass(frozen=True, slots=True)
class Resource:
    """What to list and watch, and where."""

    kind: Kind
    name: str
    group: str  # empty: core
    version: str
    namespace: str = ""  # empty: all of them
    label_selector: str = ""
    field_selector: str = ""

    @property
    def path(self) -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{self.namespace}/{self.name}" if self.namespace else f"{root}/{self.name}"

    @property
    def key(self) -> str:
        """Tells it from all others."""
        return " ".join([self.path, *self.selectors.values()])

    @property
    def selectors(self) -> dict[str, str]:
        """As query parameters."""
        selectors = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {name: selector for name, selector in selectors.items() if selector}

    @property
    def words(self) -> str:
        """For people: what it is, and in which namespace."""
        about = f" about {self.field_selector.partition('=')[2]}" if self.field_selector else ""
        return f"{self.name}{about} in {self.namespace or 'all namespaces'}"


def resources(version: str, namespaces: tuple[str, ...], events_version: str = "v1") -> list[Resource]:
    """What is listed and watched: in all namespaces, or in those named."""
    found = []
    for namespace in namespaces or ("",):
        found += [
            Resource(Kind.CLAIM, "sandboxclaims", EXTENSIONS, version, namespace),
            Resource(Kind.SANDBOX, "sandboxes", AGENTS, version, namespace),
            Resource(Kind.TEMPLATE, "sandboxtemplates", EXTENSIONS, version, namespace),
            Resource(Kind.POOL, "sandboxwarmpools", EXTENSIONS, version, namespace),
            Resource(Kind.POD, "pods", "", "v1", namespace, label_selector=SANDBOX_HASH_LABEL),
        ]
        # A shared cluster's other Events never come here. One selector names one kind, hence a watch each.
        for kind in (Kind.CLAIM, Kind.SANDBOX, Kind.POOL, Kind.POD):
            selector = f"regarding.kind={kind}"
            found.append(Resource(Kind.EVENT, "events", EVENTS, events_version, namespace, field_selector=selector))
    return found


def core_events(resource: Resource) -> Resource:
    """The same Events from the core API: what clusters have that do not serve or select the newer ones."""
    selector = resource.field_selector.replace("regarding.", "involvedObject.")
    return Resource(Kind.EVENT, "events", "", "v1", resource.namespace, field_selector=selector)
