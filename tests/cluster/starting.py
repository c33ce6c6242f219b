"""Starts a plane for a test, or says what is missing and skips it; where everything is required, that is a failure.

Before: perhaps the tools. After: a plane with the pools of objects/pools.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.plane import OBJECTS, Plane, running_plane
from tests.cluster.tools import Missing, find_tools
from tests.required import refuse


@contextmanager
def plane_with_pools(folder: Path, otlp_endpoint: str = "", context: str = "plane") -> Iterator[Plane]:
    """A plane of a test's own."""
    try:
        find_tools()
    except Missing as error:
        refuse(str(error))
    with running_plane(folder, otlp_endpoint, context) as plane:
        plane.apply(OBJECTS / "pools.yaml")
        yield plane
