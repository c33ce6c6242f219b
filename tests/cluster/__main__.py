"""A control plane by hand, to try things out: `python -m tests.cluster [pools.yaml ...]`, until Ctrl-C.

Before: `make cluster-tools`. After: KUBECONFIG and the router's address are printed; controller and router send their
spans to the dashboard's usual gRPC port, or to OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.cluster.plane import OBJECTS, running_plane
from tests.cluster.tools import Missing


def main(files: list[str]) -> int:
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="dashboard-cluster-") as folder:
        try:
            with running_plane(Path(folder), endpoint) as plane:
                for path in map(Path, files) if files else [OBJECTS / "pools.yaml"]:
                    plane.apply(path)
                print(f"export KUBECONFIG={plane.kubeconfig}")
                print(f"export ROUTER_URL={plane.router_url}", flush=True)
                signal.pause()
        except Missing as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
