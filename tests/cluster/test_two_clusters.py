"""The kubeconfig leads to another cluster: it is watched in place of the first, whose claims stay as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import Plane, write_kubeconfig
from tests.cluster.starting import plane_with_pools
from tests.cluster.stories import story, until_state
from tests.server import Server, running_server, wait_for

pytestmark = pytest.mark.server

WAIT_S = 90
POOL = "simple-sandbox-pool"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with plane_with_pools(tmp_path_factory.mktemp("second"), context="second") as plane:
        yield plane


def test_a_switch_of_context_is_followed_and_closes_nothing(plane: Plane, second: Plane, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, plane.kubeconfig_document, second.kubeconfig_document)
    with running_server(tmp_path, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(path)) as server:
        here = plane.claim("same-name", POOL)
        until_state(server, here, "ready")
        there = second.claim("same-name", POOL)
        write_kubeconfig(path, second.kubeconfig_document, plane.kubeconfig_document)
        told = until_state(server, there, "ready")
        assert told.claim["cluster"] == "second"
        wait_for(lambda: watched(server) == "watches second", WAIT_S)
        before = story(server, here)
        assert before
        assert (before.state, before.claim["cluster"]) == ("ready", "plane")

        plane.api.delete("SandboxClaim", "same-name")
        write_kubeconfig(path, plane.kubeconfig_document, second.kubeconfig_document)
        gone = until_state(server, here, "deleted")
        assert gone.moments["deleted"]["lower_ns"] < gone.moments["deleted"]["upper_ns"]  # nobody saw when
        after = story(server, there)
        assert after
        assert after.state == "ready"


def watched(server: Server) -> str:
    return str(server.get_json("/readyz")["checks"]["watcher"]["detail"])
