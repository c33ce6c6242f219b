"""A real control plane and a dashboard that watches it, shared by the tests of this folder.

Both take some seconds to start, so tests share them: each makes claims with names of its own and looks for those only.
A test that breaks something starts a plane or a dashboard of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import Plane
from tests.cluster.runs import new_runner
from tests.cluster.starting import plane_with_pools
from tests.server import Server


@pytest.fixture(scope="session")
def unstarted(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The dashboard while it is not up yet: its ports are known already, and the plane sends its spans there."""
    folder = tmp_path_factory.mktemp("dashboard")
    return Server(folder, DASHBOARD_CLUSTER="auto", KUBECONFIG=str(folder / "kubeconfig"))


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory, unstarted: Server) -> Iterator[Plane]:
    """A control plane with the pools of objects/pools.yaml; `dashboard` hears what its controller and router do."""
    with plane_with_pools(tmp_path_factory.mktemp("plane"), f"http://127.0.0.1:{unstarted.grpc_port}") as plane:
        yield plane


@pytest.fixture(scope="session")
def dashboard(plane: Plane, unstarted: Server) -> Iterator[Server]:
    """A dashboard that watches the plane."""
    Path(unstarted.environment["KUBECONFIG"]).write_text(plane.kubeconfig.read_text())
    unstarted.start()
    yield unstarted
    unstarted.stop()


@pytest.fixture(scope="module")
def runner(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dashboard that may start sandboxes, with kubectl on its PATH; each file of tests has one of its own."""
    server = new_runner(plane, tmp_path_factory.mktemp("runner"))
    server.start()
    yield server
    server.stop()
