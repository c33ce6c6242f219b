"""The same cluster for the Agent Sandbox SDK, whose calls block.

Before: a run of test sandboxes begins. After: `sandboxes.trigger` hands the client on to the SDK.
"""

from __future__ import annotations

from typing import Any

import yaml
from kubernetes.client import ApiClient, ApiException, Configuration, CustomObjectsApi
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from urllib3.exceptions import HTTPError

from sandboxes.cluster.errors import ClusterError, Unreachable, error_of, words_of
from sandboxes.cluster.place import kubeconfig, no_cluster
from sandboxes.cluster.resources import EXTENSIONS

Client = ApiClient

SPARE_CONNECTIONS = 4  # beside those that wait in a watch
CLAIMS: dict[str, Any] = {"group": EXTENSIONS, "version": "v1beta1", "plural": "sandboxclaims"}
ANSWER_TIMEOUT_S = 20


def client(context: str, places: int) -> ApiClient:
    """A client with a connection for each of so many sandboxes at a time. Raises NoCluster.

    Which cluster: as for the watcher, `place.find`.
    """
    configuration = Configuration()
    paths = kubeconfig()
    try:
        if paths:
            load_kube_config(paths, context or None, configuration)  # type: ignore[no-untyped-call]
        else:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise no_cluster(paths, error) from error
    # The default is four times the cores: each sandbox holds one while it waits, and asks with another.
    configuration.connection_pool_maxsize = 2 * places + SPARE_CONNECTIONS
    return ApiClient(configuration)


def labelled_claims(api: ApiClient, namespace: str, label: str) -> list[str]:
    """The names of a namespace's claims with this label (`name=value`). Raises ClusterError."""
    try:
        found: Any = CustomObjectsApi(api).list_namespaced_custom_object(
            **CLAIMS, namespace=namespace, label_selector=label, _request_timeout=ANSWER_TIMEOUT_S
        )
    except (ApiException, HTTPError, OSError) as error:
        raise told(error) from error
    return [item["metadata"]["name"] for item in found.get("items") or []]


def delete_claim(api: ApiClient, namespace: str, name: str) -> None:
    """Deletes it; when it is gone already, that is well. Raises ClusterError."""
    try:
        CustomObjectsApi(api).delete_namespaced_custom_object(
            **CLAIMS, namespace=namespace, name=name, _request_timeout=ANSWER_TIMEOUT_S
        )
    except ApiException as error:
        if error.status != 404:
            raise told(error) from error
    except (HTTPError, OSError) as error:
        raise told(error) from error


def told(error: Exception) -> ClusterError:
    """The error as a sentence, with the API server's own words where it has some."""
    if isinstance(error, ApiException) and error.status:
        return error_of(error.status, str(error.body or "").encode(), "the cluster's API", "")
    return Unreachable(words_of(error))
