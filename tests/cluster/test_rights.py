"""A dashboard with few rights shows what it may, and says one by one what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.plane import Plane, write_kubeconfig
from tests.cluster.stories import until
from tests.server import Server, running_server, wait_for

pytestmark = pytest.mark.server

WAIT_S = 90
READ = ["get", "list", "watch"]
CLAIMS_ONLY = [{"apiGroups": ["extensions.agents.x-k8s.io"], "resources": ["sandboxclaims"], "verbs": READ}]
NOT_ALLOWED = ("pods", "sandboxes", "sandboxtemplates", "sandboxwarmpools", "events")


def gaps(server: Server) -> str:
    return str(server.get_json("/readyz")["checks"]["watcher"]["detail"])


def test_what_is_not_allowed_is_named_and_the_rest_is_shown(plane: Plane, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, plane.account("claims-only", CLAIMS_ONLY))
    with running_server(tmp_path, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(path)) as server:
        uid = plane.claim("with-few-rights", "simple-sandbox-pool")
        told = until(server, uid, lambda told: "claim ready" in told.moments)
        assert (told.state, told.claim["pool"]) == ("ready", "simple-sandbox-pool")
        assert "claim ready" in told.own_stages
        assert told.claim["sandbox"] == "with-few-rights"
        wait_for(lambda: all(name in gaps(server) for name in NOT_ALLOWED), WAIT_S, lambda: gaps(server))
        assert "sandboxclaims in" not in gaps(server)
