"""The programs of a real control plane on this machine, and what of Agent Sandbox's sources goes with them.

Before: `make cluster-tools`, or programs somebody installed. After: each one's path: what KUBEBUILDER_ASSETS names,
else what was built for this version, else what is on PATH; or a sentence about what is missing.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "modules"
ROOT = HERE.parent.parent
AGENT_SANDBOX = "sigs.k8s.io/agent-sandbox"
# program: the folder of `modules` that pins it, its package.
PROGRAMS = {
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "agent-sandbox-controller": ("agent-sandbox", f"{AGENT_SANDBOX}/cmd/agent-sandbox-controller"),
    "sandbox-router": ("agent-sandbox", f"{AGENT_SANDBOX}/sandbox-router/cmd"),
    "kwok": ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": ("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kubectl": ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
}
FILES = {"crds": "k8s/crds", "python-runtime": "examples/python-runtime-sandbox"}


class Missing(Exception):
    """Something is not there; the message says what, and what to do."""


def cache() -> Path:
    """Where this version's programs are kept. Another version has another folder."""
    digest = sha256()
    for path in sorted(MODULES.rglob("go.*")):
        digest.update(path.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "sandbox-dashboard" / "cluster-tools" / digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything a control plane is made of. Each is looked for when it is asked for; raises Missing."""

    folder: Path

    def program(self, name: str) -> Path:
        found = find_program(name, self.folder)
        if found is None:
            raise Missing(f"{name} was found neither in KUBEBUILDER_ASSETS nor on PATH: run `make cluster-tools`.")
        return found

    @property
    def crds(self) -> list[Path]:
        return sorted(self.files("crds").glob("*.yaml"))

    @property
    def runtime(self) -> Path:
        """The folder of the runtime's main.py."""
        return self.files("python-runtime")

    @property
    def runtime_python(self) -> Path:
        """The interpreter that has what the runtime imports."""
        python = ROOT / ".venv" / "python-runtime" / "bin" / "python"
        if not python.exists():
            raise Missing("The environment of the python runtime is not there: run `make test-cluster`.")
        return python

    def files(self, name: str) -> Path:
        if not (self.folder / name).is_dir():
            raise Missing(f"Agent Sandbox's {FILES[name]} is not there: run `make cluster-tools`.")
        return self.folder / name


def find_tools() -> Tools:
    """Those of this machine, every one of them. Raises Missing."""
    tools = Tools(cache())
    for name in PROGRAMS:
        tools.program(name)
    for name in FILES:
        tools.files(name)
    tools.runtime_python  # noqa: B018  # raises
    if not shutil.which("openssl"):
        raise Missing("openssl was not found: install it (Debian: apt-get install openssl).")
    return tools


def find_program(name: str, folder: Path) -> Path | None:
    """One that was named, else our own, else one of this machine."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    places = [Path(assets) / name] if assets else []
    found = next((path for path in [*places, folder / name] if os.access(path, os.X_OK)), None)
    return found or (Path(on_path) if (on_path := shutil.which(name)) else None)
