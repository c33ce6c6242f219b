"""Commands and manifests that put things right, to be copied as they are.

Names come from clusters and files, so what goes into a shell is quoted. Addresses of releases and manifests are those
of Agent Sandbox's README (v1.0.3).
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Iterable

from dashboard.instructions import MANAGE
from sandboxes.cluster import Right

REPOSITORY = "https://github.com/kubernetes-sigs/agent-sandbox"
INSTALL = f"kubectl apply -f {REPOSITORY}/releases/latest/download/sandbox-with-extensions.yaml"
EXTENSIONS = f"kubectl apply -f {REPOSITORY}/releases/latest/download/extensions.yaml"
ROUTER = f"git clone --depth 1 {REPOSITORY}\nkubectl apply -f agent-sandbox/sandbox-router/deploy/"
CONTROLLER_LOG = "kubectl logs -n agent-sandbox-system deployment/agent-sandbox-controller --tail=50"
SDK = 'pip install "k8s-agent-sandbox[tracing]" opentelemetry-distro\nopentelemetry-bootstrap -a install'
BOOTSTRAP = "opentelemetry-bootstrap -a install"

POOL = """kubectl apply -f - <<'END'
apiVersion: extensions.agents.x-k8s.io/v1beta1
kind: SandboxTemplate
metadata: {name: simple-sandbox-template, namespace: default}
spec:
  podTemplate:
    spec:
      containers:
      - name: python-runtime
        image: registry.k8s.io/agent-sandbox/python-runtime-sandbox:v0.1.0
        ports: [{containerPort: 8888}]
        readinessProbe: {httpGet: {path: /, port: 8888}, periodSeconds: 1}
---
apiVersion: extensions.agents.x-k8s.io/v1beta1
kind: SandboxWarmPool
metadata: {name: simple-sandbox-pool, namespace: default}
spec: {replicas: 1, sandboxTemplateRef: {name: simple-sandbox-template}}
END"""

SERVICE_ACCOUNT = "system:serviceaccount:"
READ_CLUSTER = (
    f"kubectl get sandboxwarmpools,sandboxtemplates,sandboxclaims,sandboxes,pods,events -A -o json | {MANAGE} import -"
)


def scale(namespace: str, pool: str, replicas: int) -> str:
    return f"kubectl scale sandboxwarmpool {shlex.quote(pool)} -n {shlex.quote(namespace)} --replicas={replicas}"


def describe(kind: str, namespace: str, name: str) -> str:
    return f"kubectl describe {kind} {shlex.quote(name)} -n {shlex.quote(namespace)}"


def grant(role: str, account: str, rights: Iterable[Right]) -> str:
    """A cluster role with these rights, bound to the account. To apply it again changes nothing."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        resource = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
        verbs.setdefault((right.group, resource), []).append(right.verb)
    rules = [
        f'- {{apiGroups: ["{group}"], resources: ["{resource}"], verbs: [{", ".join(dict.fromkeys(each))}]}}'
        for (group, resource), each in verbs.items()
    ]
    return "\n".join(
        (
            "kubectl apply -f - <<'END'",
            "apiVersion: rbac.authorization.k8s.io/v1",
            "kind: ClusterRole",
            f"metadata: {{name: {role}}}",
            "rules:",
            *rules,
            "---",
            "apiVersion: rbac.authorization.k8s.io/v1",
            "kind: ClusterRoleBinding",
            f"metadata: {{name: {role}}}",
            f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}",
            f"subjects: [{subject(account)}]",
            "END",
        )
    )


def subject(account: str) -> str:
    """The account as a binding names it. Quoted as JSON, which YAML understands: names are the cluster's."""
    namespace, _, name = account.removeprefix(SERVICE_ACCOUNT).partition(":")
    if account.startswith(SERVICE_ACCOUNT) and name:
        return f"{{kind: ServiceAccount, namespace: {json.dumps(namespace)}, name: {json.dumps(name)}}}"
    return f"{{kind: User, apiGroup: rbac.authorization.k8s.io, name: {json.dumps(account or 'YOUR_USER')}}}"


def install_kubectl(system: str = platform.system(), machine: str = platform.machine()) -> str:
    if system == "Darwin":
        return "brew install kubectl"
    processor = "arm64" if machine in ("aarch64", "arm64") else "amd64"
    return (
        f'curl -LO "https://dl.k8s.io/release/$(curl -Ls https://dl.k8s.io/release/stable.txt)/bin/linux/{processor}/kubectl"\n'
        "sudo install kubectl /usr/local/bin/"
    )


def set_clock(system: str = platform.system()) -> str:
    return "sudo sntp -sS time.apple.com" if system == "Darwin" else "sudo timedatectl set-ntp true"


def who_listens(port: int, system: str = platform.system()) -> str:
    return f"lsof -nP -iTCP:{port} -sTCP:LISTEN" if system == "Darwin" else f"ss -ltnp 'sport = :{port}'"
