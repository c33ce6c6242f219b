"""Opens the recorded watch streams of tests/data, packed or plain, and the truth that goes with them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
SCENARIOS = sorted({path.parent.name for path in DATA.glob("*/watch.jsonl*")})


def watch_path(scenario: str) -> Path:
    """The file of a scenario's watch stream; its name ends with .gz when it is packed."""
    plain = DATA / scenario / "watch.jsonl"
    return plain if plain.exists() else plain.with_name("watch.jsonl.gz")


def watch_lines(scenario: str) -> list[bytes]:
    """The lines of a scenario's watch stream, as `sandboxes.recorded` reads them."""
    content = watch_path(scenario).read_bytes()
    return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).splitlines()


def truth(scenario: str) -> dict[str, Any]:
    """What really happened: for judging, in tests only."""
    read: dict[str, Any] = json.loads((DATA / scenario / "truth.json").read_text())
    return read
