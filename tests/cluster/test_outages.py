"""The API server goes away and comes back while claims change: nothing of what happened is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.history import Version, claim_history
from tests.cluster.plane import Plane
from tests.cluster.starting import plane_with_pools
from tests.cluster.stories import until_cause, until_state
from tests.server import Server, running_server, wait_for

pytestmark = pytest.mark.server

WAIT_S = 120  # the controllers alone need 30 s to act again after an outage
POOL = "simple-sandbox-pool"


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane whose API server may be killed: nobody else's tests run in it."""
    with plane_with_pools(tmp_path_factory.mktemp("fragile")) as plane:
        yield plane


@pytest.fixture
def watcher(tmp_path: Path, fragile: Plane) -> Iterator[Server]:
    with running_server(tmp_path, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(fragile.kubeconfig)) as server:
        wait_for(lambda: status(server) == "ok", WAIT_S)
        yield server


def status(server: Server) -> str:
    return str(server.get_json("/readyz")["checks"]["watcher"]["status"])


@dataclass(frozen=True, slots=True)
class Seen:
    """What the dashboard keeps of claims. `listed`: the newest version that came in a list, so after the outage."""

    versions: set[tuple[str, int]]
    listed: int
    states: dict[str, str]

    @property
    def deleted(self) -> set[str]:
        return {uid for uid, state in self.states.items() if state == "deleted"}


def seen(server: Server) -> Seen:
    sql = "SELECT uid, resource_version, change FROM sandboxes_objectversion WHERE kind = 'SandboxClaim'"
    kept = [(uid, int(version), change) for uid, version, change in server.rows(sql)]
    listed = max((version for _, version, change in kept if change == "LISTED"), default=0)
    states = server.rows("SELECT uid, state FROM sandboxes_claim")
    return Seen({(uid, version) for uid, version, _ in kept}, listed, dict(states))


def unseen(history: list[Version], found: Seen) -> list[Version]:
    """Writes the dashboard did not get to see."""
    return [each for each in history if not each.deleted and (each.uid, each.revision) not in found.versions]


def history_since(plane: Plane, revision: int) -> list[Version]:
    return [each for each in claim_history(plane) if each.revision > revision]


def test_nothing_is_lost_when_the_api_server_is_killed_while_claims_change(fragile: Plane, watcher: Server) -> None:
    until_state(watcher, fragile.claim("first", POOL), "ready")  # from here on it watches
    begin = claim_history(fragile)[-1].revision
    for number in range(6):
        fragile.claim(f"before-{number}", POOL)
    for number in range(6):
        fragile.wait_ready(f"before-{number}")
    wait_for(lambda: not unseen(history_since(fragile, begin), seen(watcher)), WAIT_S)
    settled = claim_history(fragile)[-1].revision
    for number in range(3):
        fragile.claim(f"starting-{number}", POOL)  # the outage meets them on their way
    fragile.kill_api_server()
    fragile.start_api_server()
    # At once, before anybody watches again: what went is told by a list that lacks it, what came by one that has it.
    for number in range(3):
        fragile.api.delete("SandboxClaim", f"before-{number}")
    for number in range(3):
        fragile.claim(f"late-{number}", POOL)
    fragile.api.patch("SandboxClaim", "before-3", {"metadata": {"labels": {"touched": "yes"}}})
    for name in ("starting-0", "starting-1", "starting-2", "late-0", "late-1", "late-2"):
        fragile.wait_ready(name)
    until_state(watcher, fragile.claim("after", POOL), "ready")

    history = claim_history(fragile)
    gone = {each.uid for each in history if each.deleted}
    states = {each.uid: "deleted" if each.uid in gone else "ready" for each in history}
    wait_for(lambda: seen(watcher).states == states, WAIT_S, lambda: table(history, seen(watcher)))
    found = seen(watcher)
    print(table(history, found))  # noqa: T201  # pytest -rP shows it
    # No list and no watch has what was written and replaced while nobody could ask. All else is here.
    missed = unseen(history_since(fragile, begin), found)
    assert {settled < each.revision < found.listed for each in missed} <= {True}


def table(history: list[Version], found: Seen) -> str:
    """Every write to a claim, and whether the dashboard has it."""
    replaced = set(unseen(history, found))
    rows = []
    for each in history:
        kept = each.uid in found.deleted if each.deleted else each not in replaced
        how = "kept" if kept else "missing" if each.deleted else "replaced in the outage"
        rows.append(f"{each.revision:>6} {each.name:<12} {'deleted' if each.deleted else 'written':<8} {how}")
    return "\n".join(rows)


def test_a_compacted_history_is_listed_anew(fragile: Plane, watcher: Server) -> None:
    goes = fragile.claim("goes-unseen", POOL)
    stays = fragile.claim("stays", POOL)
    until_state(watcher, stays, "ready")
    old = fragile.api.get("SandboxClaim", "stays")["metadata"]["resourceVersion"]
    fragile.kill_api_server()
    fragile.start_api_server()
    fragile.api.delete("SandboxClaim", "goes-unseen")
    fragile.compact()
    assert told_gone(fragile, old)
    uid = fragile.claim("after-compaction", POOL)
    until_state(watcher, uid, "ready")
    until_state(watcher, goes, "deleted")
    until_state(watcher, stays, "ready")
    assert status(watcher) == "ok"


def test_a_controller_that_does_not_run_is_told_and_its_claims_are_served_once_it_does(
    fragile: Plane, watcher: Server
) -> None:
    until_state(watcher, fragile.claim("served", POOL), "ready")
    fragile.stop_controller()
    uid = fragile.claim("unseen-by-the-controller", POOL)
    told = until_cause(watcher, uid, "controller silent")
    assert (told.state, told.own_stages) == ("stuck", [])
    fragile.start_controller()
    told = until_state(watcher, uid, "ready")
    assert told.cause == "controller late"


def told_gone(plane: Plane, version: str) -> bool:
    """Whether a watch from that version is answered 410, as the dashboard's is that ended with the API server."""
    path = f"{plane.api.path('SandboxClaim')}"
    event = plane.api.request("GET", path, watch="true", resourceVersion=version, timeoutSeconds="5")
    return bool(event["type"] == "ERROR" and event["object"]["code"] == 410)
