"""Builds the programs of a control plane with Go, once, into a cache outside the tree: `make cluster-tools`.

Before: Go, its module proxy. After: whatever `tools` did not find is in the cache. The first time takes 13 minutes on
two cores; the programs are 0.5 GB, and Go's own caches hold 4.5 GB more, which `go clean -cache -modcache` gives back.

`modules/` pins every version, and each dependency by its digest in go.sum: so no database of digests is asked, which
does not know all of them. `go install PACKAGE@VERSION` would not do: Kubernetes' go.mod replaces half of its modules.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.tools import AGENT_SANDBOX, FILES, MODULES, PROGRAMS, Missing, cache, find_program

KUBERNETES = "1.36.4"
SET = "-X k8s.io/component-base/version."
# As Kubernetes' own scripts do; without it the API server says it is v0.0.0, and clients refuse it.
STAMP = f"{SET}gitVersion=v{KUBERNETES} {SET}gitMajor=1 {SET}gitMinor=36"
ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOSUMDB": "off"}
NO_GO = "Go was not found; it builds the control plane's programs. Install 1.26 or newer: https://go.dev/dl/"


def build(folder: Path) -> None:
    """Builds what is not there. Raises Missing without Go, CalledProcessError with Go's own words on the terminal."""
    wanted = [name for name in PROGRAMS if find_program(name, folder) is None]
    files = [name for name in FILES if not (folder / name).is_dir()]
    if (wanted or files) and not shutil.which("go"):
        raise Missing(NO_GO)
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(wanted, 1):
        print(f"Building {name}, {number} of {len(wanted)} (13 minutes for all of them, once) ...", flush=True)
        _build_program(name, folder)
    for name in files:
        _copy_files(name, folder)
    print(f"The control plane's programs are there: {folder}")


def _build_program(name: str, folder: Path) -> None:
    module, package = PROGRAMS[name]
    flags = f"-s -w {STAMP}" if module == "kubernetes" else "-s -w"
    unfinished = folder / f".{name}-{os.getpid()}"
    _go(["build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), package], module)
    unfinished.rename(folder / name)


def _copy_files(name: str, folder: Path) -> None:
    """A part of Agent Sandbox's sources, out of Go's cache: that one may be emptied."""
    _go(["mod", "download", AGENT_SANDBOX], "agent-sandbox")
    sources = _go(["list", "-m", "-f", "{{.Dir}}", AGENT_SANDBOX], "agent-sandbox")
    unfinished = folder / f".{name}-{os.getpid()}"
    unfinished.mkdir()  # not as it is there: Go's cache is read-only
    for path in (Path(sources.strip()) / FILES[name]).iterdir():
        shutil.copyfile(path, unfinished / path.name)
    unfinished.rename(folder / name)


def _go(arguments: Sequence[str], module: str) -> str:
    """What Go prints."""
    environment = {**os.environ, **ENVIRONMENT}
    command = ["go", *arguments]
    done = subprocess.run(command, cwd=MODULES / module, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def main() -> int:
    try:
        build(cache())
    except Missing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"Go could not build this, for the reason above: {' '.join(error.cmd)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
