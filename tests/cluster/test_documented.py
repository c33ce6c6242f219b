"""The documented program, word for word: nothing set but where its telemetry goes, and all of it is on one timeline."""

from __future__ import annotations

import pytest

from tests.cluster.plane import Plane
from tests.cluster.sdk import PROGRAM, finish, start_program
from tests.cluster.stories import Item, Story, until
from tests.server import Server

pytestmark = pytest.mark.server

# All but "client ready": only the SDK's own spans or log lines tell of that, and the program asks for neither.
START = [
    *("created", "observed", "bound", "pod created", "scheduled", "started", "pod ready"),
    *("sandbox ready", "claim ready", "first command"),
]
CALLS = {
    *(("unknown_service", "POST"), ("unknown_service", "GET")),
    *(("agent-sandbox-controller", "ReconcileSandboxClaim"), ("sandbox-router", "HTTP POST")),
}


def linked_spans(dashboard: Server, told: Story) -> list[Item]:
    """The spans that are the claim's, whoever made them."""
    found = []
    for trace_id in {link["trace_id"] for link in told.links}:
        found += dashboard.get_json(f"/api/v1/traces/{trace_id}")["spans"]
    return [span for span in found if span["claim_uid"] == told.claim["uid"]]


def calls(spans: list[Item]) -> set[tuple[str, str]]:
    return {(span["service"], span["name"]) for span in spans}


@pytest.mark.parametrize("door", ["grpc_port", "otlp_port", "pages_port"])
def test_the_documented_programs_claim_shows_client_cluster_and_command(
    plane: Plane, dashboard: Server, door: str
) -> None:
    known = claims_of_programs(plane)
    program = start_program(plane, f"http://127.0.0.1:{getattr(dashboard, door)}", [PROGRAM])
    assert "Hello World!" in finish(program)
    [uid] = claims_of_programs(plane) - known  # which are never deleted, as documented
    # Client, controller and router send in batches of their own, seconds apart.
    until(dashboard, uid, lambda told: calls(linked_spans(dashboard, told)) >= CALLS)
    told = until(dashboard, uid, lambda told: "first command" in told.moments)
    assert told.own_stages == START
    assert (told.claim["start_type"], told.claim["pool"]) == ("cold", "simple-sandbox-pool")
    assert {"annotation", "url"} <= told.evidence
    assert any("/execute" in str(span["attributes"].get("http.url")) for span in linked_spans(dashboard, told))


def claims_of_programs(plane: Plane) -> set[str]:
    return {each["metadata"]["uid"] for each in plane.api.list("SandboxClaim")}
