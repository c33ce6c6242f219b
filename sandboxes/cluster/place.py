"""Which cluster the settings lead to, and with which credentials: a kubeconfig's, or a Pod's own."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from sandboxes.cluster.errors import NoCluster, words_of

MAX_CONNECTIONS = 200  # nine watches a namespace
USUAL = str(Path.home() / ".kube" / "config")


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster the settings lead to now. Two targets are equal when they lead to the same one."""

    name: str
    host: str
    authority: str  # digest of its certificate authority


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration of the client, and where it leads."""

    target: Target
    configuration: Configuration


async def find(context: str = "") -> Found:
    """Reads the kubeconfig, or finds itself inside a cluster. Raises NoCluster."""
    configuration = Configuration()
    configuration.connection_pool_maxsize = MAX_CONNECTIONS
    paths = kubeconfig()
    try:
        if paths:
            loader = await load_kube_config(paths, context or None, configuration, False)  # type: ignore[no-untyped-call]
            name = str(loader.current_context.get("name", ""))
        else:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            name = "in-cluster"
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise no_cluster(paths, error) from error
    return Found(Target(name, configuration.host, _authority(configuration)), configuration)


def no_cluster(paths: str, error: Exception) -> NoCluster:
    """Why there is none, and where one was looked for."""
    if paths:
        # The client trips over what is missing in a file; Python's words about that say nothing to anybody.
        is_told = isinstance(error, (ConfigException, yaml.YAMLError, OSError, ValueError))
        why = words_of(error) if is_told else "clusters, contexts and users have to be in it, as lists"
        return NoCluster(f"the kubeconfig {paths} cannot be used: {why}")
    named = os.environ.get("KUBECONFIG")
    return NoCluster(
        f"no kubeconfig was found at {named} (KUBECONFIG)" if named else f"no kubeconfig was found at {USUAL}"
    )


def fingerprint() -> object:
    """Something that changes when a kubeconfig appears, goes or is written to."""
    found = []
    for path in (os.environ.get("KUBECONFIG") or USUAL).split(os.pathsep):
        with suppress(OSError):
            status = Path(path).expanduser().stat()
            found.append((path, status.st_mtime_ns, status.st_size, status.st_ino))
    return found


def kubeconfig() -> str:
    """The files KUBECONFIG names, else the usual one; empty when none is there."""
    paths = os.environ.get("KUBECONFIG") or USUAL
    return paths if any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path) else ""


def _authority(configuration: Configuration) -> str:
    content = b""
    if configuration.ssl_ca_cert:
        with suppress(OSError):
            content = Path(configuration.ssl_ca_cert).read_bytes()
    return hashlib.blake2b(content, digest_size=16).hexdigest()
