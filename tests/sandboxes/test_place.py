"""Where no cluster is found, for the watcher and for runs alike: where one was looked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandboxes.cluster import blocking, place
from sandboxes.cluster.errors import NoCluster

WITHOUT_USERS = """
clusters: [{name: here, cluster: {server: "https://127.0.0.1:9"}}]
contexts: [{name: here, context: {cluster: here, user: ""}}]
current-context: here
"""


def test_a_run_without_a_kubeconfig_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(NoCluster, match=f"no kubeconfig was found at {tmp_path / 'nothing'} "):
        blocking.client("", 1)


def test_a_run_with_an_unreadable_kubeconfig_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    (tmp_path / "config").write_text("{ half writ")
    with pytest.raises(NoCluster, match=f"the kubeconfig {tmp_path / 'config'} cannot be used: "):
        blocking.client("", 1)


@pytest.mark.parametrize("config", ["", "[]", "clusters: 1", WITHOUT_USERS])
async def test_what_is_missing_in_a_kubeconfig_is_told_in_words_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    (tmp_path / "config").write_text(config)
    with pytest.raises(NoCluster, match="cannot be used: ") as refused:
        await place.find()
    assert not re.search(r"NoneType|object|attribute|subscriptable|iterable", str(refused.value))
