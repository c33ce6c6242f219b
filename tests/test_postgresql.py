"""A PostgreSQL for one command: its exit status is passed on, nothing is left behind, what is missing is named."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import postgresql
from tests.required import refuse
from tests.server import ROOT

LOOK = "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 1'); raise SystemExit(7)"


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN_PROGRAMS", tmp_path)


def test_it_passes_the_exit_status_on_and_leaves_nothing_behind() -> None:
    try:
        postgresql.find_programs()
    except postgresql.Missing as error:
        refuse(str(error))
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)  # PostgreSQL's own user has to pass through
        command = [sys.executable, "-m", "tests.postgresql", sys.executable, "-c", LOOK]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "TMPDIR": temporary}, timeout=120)
        assert (ended.returncode, list(Path(temporary).iterdir())) == (7, [])


@pytest.mark.usefixtures("nothing_installed")
def test_without_postgresql_the_command_is_skipped_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REQUIRE_ALL", raising=False)
    assert postgresql.main(["false"]) == 0
    assert "apt-get install postgresql" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_installed")
def test_where_everything_is_required_that_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REQUIRE_ALL", "1")
    assert postgresql.main(["true"]) == 1
    assert "Failed: true" in capsys.readouterr().err
