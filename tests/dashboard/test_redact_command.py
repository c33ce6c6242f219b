"""`manage.py redact`: what it says, and that of a secret nothing is left in any byte of the database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from collector.ingest import Unavailable, save_now
from collector.models import Span
from collector.redaction import MASK, read_rules
from collector.rewriting import passes
from tests.collector.test_http import JSON, PROTOBUF, send
from tests.collector.test_redact import ENCODED, PATTERN, SECRET, SIGNALS, bodies, everything_stored
from tests.collector.wire import otlp_json
from tests.factories import batch, make_log, make_span
from tests.sandboxes.recordings import watch_lines
from tests.server import ROOT, Server, running


@pytest.fixture
def on(settings: Settings) -> None:
    settings.REDACTION = None
    save_now(batch(make_span(f"GET {SECRET}1"), make_span(f"GET {SECRET}2"), make_log(SECRET), make_log("plain")))
    settings.REDACTION = read_rules([], PATTERN, [])


# What it says


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
def test_it_says_what_it_has_masked_and_the_second_time_that_there_is_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("redact")
    told = capsys.readouterr().out
    assert "Masked: 2 of 2 operations, 1 of 2 spans, 1 of 2 log records" in told
    assert "now one with them: 1 of operation." in told
    assert "held the writer for" in told
    call_command("redact")
    assert "Masked: nothing: no row holds anything that is to be masked." in capsys.readouterr().out
    assert SECRET not in everything_stored()


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
def test_a_dry_run_counts_by_kind_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stored = everything_stored()
    call_command("redact", "--dry-run")
    assert capsys.readouterr().out.startswith("Would be masked: 2 of 2 operations, 1 of 2 log records")
    assert everything_stored() == stored


@pytest.mark.django_db
def test_without_rules_it_says_what_to_set(settings: Settings) -> None:
    settings.REDACTION = None
    with pytest.raises(
        CommandError, match=r"Redaction is off: .* Set REDACT_BUILTIN, REDACT_PATTERNS or REDACT_KEYS"
    ) as error:
        call_command("redact")
    assert error.value.returncode == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("on")
@pytest.mark.parametrize(
    ("why", "told", "status"),
    [
        (KeyboardInterrupt(), r"Stopped\. Masked until then, and it stays: 2 of 2 operations.* Run it again", 130),
        (
            Unavailable("the database is locked"),
            r"the database is locked\. Masked until then.* goes on with the rest",
            1,
        ),
    ],
)
def test_stopped_it_says_what_is_done_and_that_it_goes_on(
    why: BaseException, told: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewriting = passes.Rewriting._batch

    def stopped(self: Any, name: str, rows: int, work: Any) -> int:
        if name == "spans":
            raise why
        return rewriting(self, name, rows, work)

    monkeypatch.setattr(passes.Rewriting, "_batch", stopped)
    with pytest.raises(CommandError, match=told) as error:
        call_command("redact")
    assert error.value.returncode == status
    monkeypatch.undo()
    call_command("redact")
    assert SECRET not in everything_stored()
    assert Span.objects.count() == 2


def manage(server: Server, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**server.environment, **variables}, capture_output=True, text=True, timeout=120
    )


def test_a_pattern_that_cannot_be_read_is_told_as_the_server_tells_it(tmp_path: Path) -> None:
    server = Server(tmp_path)
    redact, up = (manage(server, name, REDACT_PATTERNS="(") for name in ("redact", "up"))
    assert redact.returncode != 0
    last = redact.stderr.strip().splitlines()[-1]
    assert "'(' is no regular expression" in last
    assert up.stderr.strip().splitlines()[-1] == last


def test_a_database_of_another_version_is_left_alone(tmp_path: Path) -> None:
    done = manage(Server(tmp_path), "redact", REDACT_PATTERNS=PATTERN)
    assert (done.returncode, "manage.py migrate" in done.stderr) == (2, True)


# The whole file


RULES = {"REDACT_PATTERNS": PATTERN, "REDACT_KEYS": "*password"}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """One that masks nothing, and has stored the secret in every place that telemetry and objects have."""
    server = Server(tmp_path)
    with running(server):
        send_everything(server)
    watched = tmp_path / "watch.jsonl"
    watched.write_bytes(b"\n".join(map(with_secret, watch_lines("quickstart-cold"))))
    assert manage(server, "import", str(watched)).returncode == 0
    watched.unlink()
    assert found_in(server)
    return server


def send_everything(server: Server) -> None:
    for signal, message in bodies().items():
        assert send(server, message.SerializeToString(), PROTOBUF, SIGNALS[signal]).status == 200
        assert send(server, otlp_json(message), JSON, SIGNALS[signal]).status == 200


def with_secret(line: bytes) -> bytes:
    value = orjson.loads(line)
    if isinstance(value.get("object"), dict) and "metadata" in value["object"]:
        value["object"]["metadata"].setdefault("annotations", {})["example.org/token"] = SECRET
        if "message" in value["object"]:
            value["object"]["message"] = f"said {SECRET}"
    return orjson.dumps(value)


def found_in(server: Server) -> list[str]:
    """Where the secret is: files of SQLite, or tables of PostgreSQL, in which bytes are written as hex."""
    looked_for = [SECRET, *ENCODED]
    if not server.database_url:
        files = [path for path in server.data_dir.iterdir() if path.name.startswith("dashboard.sqlite3")]
        return [path.name for path in files if any(text.encode() in path.read_bytes() for text in looked_for)]
    found = []
    with psycopg.connect(server.database_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            text = "\n".join(row[0] for row in connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall())
            if any(each in text or each.encode().hex() in text for each in looked_for):
                found.append(table)
    return found


def counts(server: Server) -> list[Any]:
    names = ("span", "log", "metricpoint", "trace", "metricstream", "resource", "operation", "scope")
    tables = [*(f"collector_{name}" for name in names), "sandboxes_objectversion", "sandboxes_claim", "sandboxes_link"]
    return [(table, server.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in tables]


@pytest.mark.long
@pytest.mark.server
def test_of_a_secret_nothing_is_left_in_any_byte_and_what_is_sent_again_is_known(server: Server) -> None:
    if not server.database_url:
        leave_traces(server)
    held = counts(server)
    done = manage(server, "redact", **RULES)
    assert done.returncode == 0, done.stderr
    assert found_in(server) == []
    assert counts(server) == held
    if not server.database_url:
        assert "The file was written anew" in done.stdout
    server.environment |= RULES
    with running(server):
        send_everything(server)
        stored = counts(server)
        assert MASK.encode() in server.get("/export/spans.csv")
        (check,) = [
            each
            for each in orjson.loads(manage(server, "doctor", "--json").stdout)["checks"]
            if each["key"] == "redaction"
        ]
    assert stored == held
    assert check["status"] == "ok"
    assert found_in(server) == []


def leave_traces(server: Server) -> None:
    """What SQLite keeps of rows that were deleted or changed: bytes in free pages, and in gaps within pages."""
    with closing(sqlite3.connect(server.data_dir / "dashboard.sqlite3")) as database:
        database.execute("PRAGMA secure_delete = OFF")
        values = [(f"gone {SECRET} {number}", "x" * 300, number) for number in range(3_000)]
        database.executemany("INSERT INTO sandboxes_cursor (name, position) VALUES (?, ?)", [v[::2] for v in values])
        database.execute("DELETE FROM sandboxes_cursor WHERE name LIKE 'gone%' AND position % 7 > 0")
        database.execute("UPDATE sandboxes_cursor SET name = 'kept ' || position WHERE name LIKE 'gone%'")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert database.execute("SELECT 1 FROM sandboxes_cursor WHERE name LIKE 'gone%'").fetchone() is None
    assert b"gone " + SECRET.encode() in (server.data_dir / "dashboard.sqlite3").read_bytes()


@pytest.mark.long
@pytest.mark.server
def test_beside_a_server_rows_are_masked_and_it_says_what_pages_may_hold(server: Server) -> None:
    server.environment |= RULES
    with running(server):
        warned = manage(server, "doctor", "--json")
        done = manage(server, "redact")
        assert done.returncode == 0, done.stderr
        if not server.database_url:
            assert "Others have the file open" in done.stdout
            done = manage(server, "redact", "--vacuum")
            assert "The file was written anew" in done.stdout
        send_everything(server)
        assert server.get_json("/readyz")["status"] == "ok"
        assert SECRET.encode() not in server.get("/export/logs.csv")
    assert "manage.py redact" in warned.stdout
    assert found_in(server) == []
