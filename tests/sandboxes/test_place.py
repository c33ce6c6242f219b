"""Where no cluster is found, for the watcher and for runs alike: where one was looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxes.cluster import blocking
from sandboxes.cluster.errors import NoCluster


def test_a_run_without_a_kubeconfig_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(NoCluster, match=f"no kubeconfig was found at {tmp_path / 'nothing'} "):
        blocking.client("", 1)


def test_a_run_with_an_unreadable_kubeconfig_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    (tmp_path / "config").write_text("{ half writ")
    with pytest.raises(NoCluster, match=f"the kubeconfig {tmp_path / 'config'} cannot be used: "):
        blocking.client("", 1)
