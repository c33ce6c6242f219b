"""The command line of each program of a control plane: what it needs to know, and nothing else.

Before: a folder, ports, tools. After: programs that are not started yet. Flags that surprise say why they are there.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import yaml

from tests.cluster.programs import Program, free_port
from tests.cluster.tools import Tools

HERE = Path(__file__).parent
STAGES = HERE / "objects" / "kwok-stages.yaml"
RUNTIME = HERE / "runtime" / "serve.py"
RUNTIME_PORT = 8888  # the SDK's default: asked for in every request
TOKEN = "admin-token"


@dataclass(slots=True)
class Ports:
    """One for each program that listens; two planes can run side by side."""

    etcd: int = field(default_factory=free_port)
    etcd_peers: int = field(default_factory=free_port)
    api_server: int = field(default_factory=free_port)
    controller_manager: int = field(default_factory=free_port)
    scheduler: int = field(default_factory=free_port)
    kubelet: int = field(default_factory=free_port)
    controller: int = field(default_factory=free_port)
    controller_metrics: int = field(default_factory=free_port)
    router: int = field(default_factory=free_port)
    router_health: int = field(default_factory=free_port)
    router_metrics: int = field(default_factory=free_port)


class Parts:
    """The programs of one plane. `otlp_endpoint`: where controller and router send their spans; empty: nowhere."""

    def __init__(self, folder: Path, tools: Tools, otlp_endpoint: str) -> None:
        self.folder = folder
        self.tools = tools
        self.ports = Ports()
        self.kubeconfig = folder / "kubeconfig"
        self.certificates = folder / "certificates"
        # Pods get addresses of this machine: a server that listens on all of them is every Pod's runtime. A thousand,
        # since kwok goes on to addresses beyond its network when they come faster than it takes old ones back.
        self.pod_network = ip_network(f"127.{random.randrange(16, 255)}.{random.randrange(0, 256, 4)}.0/22")
        self._tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp_endpoint} if otlp_endpoint else {}

    @property
    def etcd_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.etcd}"

    @property
    def server_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.api_server}"

    @property
    def authority(self) -> Path:
        """The API server's certificate, which it signs itself."""
        return self.certificates / "apiserver.crt"

    def write_files(self, context: str) -> None:
        """Tokens, keys and configurations the programs read."""
        self.certificates.mkdir()
        (self.folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        subprocess.run(["openssl", "genrsa", "-out", self.folder / "sa.key", "2048"], check=True, capture_output=True)
        self.kubeconfig.write_text(yaml.safe_dump(self.kubeconfig_document(context, TOKEN)))
        # Whatever port of whatever Pod is forwarded: it leads to the router, the only one anybody asks for.
        forward = {"target": {"port": self.ports.router, "address": "127.0.0.1"}}
        document = {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterPortForward",
            "metadata": {"name": "router"},
            "spec": {"forwards": [forward]},
        }
        (self.folder / "kwok.yaml").write_text(f"{STAGES.read_text()}\n---\n{yaml.safe_dump(document)}")
        (self.folder / "sandbox").mkdir()

    def kubeconfig_document(self, context: str, token: str) -> dict[str, object]:
        """A kubeconfig with one context."""
        cluster = {"server": self.server_url, "certificate-authority": str(self.authority)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": context, "user": {"token": token}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "current-context": context,
        }

    def etcd(self) -> Program:
        peers = f"http://127.0.0.1:{self.ports.etcd_peers}"
        command = [
            *(self.tools.program("etcd"), f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={self.etcd_url}", f"--advertise-client-urls={self.etcd_url}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            f"--initial-cluster=default={peers}",
        ]
        return self._program("etcd", command)

    def api_server(self) -> Program:
        key = self.folder / "sa.key"
        command = [
            *(self.tools.program("kube-apiserver"), f"--etcd-servers={self.etcd_url}"),
            *("--bind-address=127.0.0.1", f"--secure-port={self.ports.api_server}"),
            *(f"--cert-dir={self.certificates}", f"--token-auth-file={self.folder / 'tokens.csv'}"),
            *("--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24"),
            *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
            "--service-account-issuer=https://plane.local",
            "--endpoint-reconciler-type=none",  # would refuse an address of this machine
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",  # nobody makes accounts, heals nodes
            "--kubelet-preferred-address-types=InternalIP",  # kubectl port-forward has to find kwok
        ]
        return self._program("kube-apiserver", command)

    def controller_manager(self) -> Program:
        command = [
            *(self.tools.program("kube-controller-manager"), f"--kubeconfig={self.kubeconfig}"),
            *("--bind-address=127.0.0.1", f"--secure-port={self.ports.controller_manager}"),
            *("--leader-elect=false", "--use-service-account-credentials=false"),
            *(f"--service-account-private-key-file={self.folder / 'sa.key'}", f"--cert-dir={self.certificates}"),
        ]
        return self._program("kube-controller-manager", command)

    def scheduler(self) -> Program:
        command = [
            *(self.tools.program("kube-scheduler"), f"--kubeconfig={self.kubeconfig}", "--leader-elect=false"),
            *("--bind-address=127.0.0.1", f"--secure-port={self.ports.scheduler}", f"--cert-dir={self.certificates}"),
        ]
        return self._program("kube-scheduler", command)

    def kubelet(self) -> Program:
        """kwok: in place of a container runtime it says what one would say, and forwards ports."""
        certificate, key = self.authority, self.certificates / "apiserver.key"
        command = [
            *(self.tools.program("kwok"), f"--kubeconfig={self.kubeconfig}", "--manage-all-nodes=true"),
            *(f"--config={self.folder / 'kwok.yaml'}", f"--cidr={self.pod_network}"),
            *("--node-lease-duration-seconds=40", "--node-ip=127.0.0.1", f"--node-port={self.ports.kubelet}"),
            *(f"--server-address=127.0.0.1:{self.ports.kubelet}", f"--tls-cert-file={certificate}"),
            f"--tls-private-key-file={key}",
        ]
        return self._program("kwok", command)

    def controller(self) -> Program:
        command = [
            *(self.tools.program("agent-sandbox-controller"), "--extensions=true", "--leader-elect=false"),
            f"--metrics-bind-address=127.0.0.1:{self.ports.controller_metrics}",
            f"--health-probe-bind-address=127.0.0.1:{self.ports.controller}",
            *(["--enable-tracing"] if self._tracing else []),
        ]
        return self._program("agent-sandbox-controller", command, KUBECONFIG=str(self.kubeconfig), **self._tracing)

    def router(self) -> Program:
        command = [
            *(self.tools.program("sandbox-router"), f"--kubeconfig={self.kubeconfig}", "--cache-enabled=true"),
            *("--allow-loopback-pod-ip=true", f"--http-bind-address=127.0.0.1:{self.ports.router}"),
            f"--metrics-bind-address=127.0.0.1:{self.ports.router_metrics}",
            f"--health-probe-bind-address=127.0.0.1:{self.ports.router_health}",
            *(["--enable-tracing"] if self._tracing else []),
        ]
        return self._program("sandbox-router", command, **self._tracing)

    def runtime(self) -> Program:
        command: list[object] = [self.tools.runtime_python, RUNTIME, self.tools.runtime, self.pod_network, RUNTIME_PORT]
        return self._program("python-runtime", command, SANDBOX_BASE_DIR=str(self.folder / "sandbox"))

    def _program(self, name: str, command: list[object], **environment: str) -> Program:
        return Program(name, [str(part) for part in command], self.folder, environment)
