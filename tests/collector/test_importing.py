"""`manage.py import`: what files hold is in the database, once, and what was left out is named."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from collector.console import Problem
from collector.importing import MAX_PROBLEMS, MAX_TRACES, Account, import_stream
from collector.ingest import save_now
from collector.models import Exemplar, Log, MetricPoint, Span, Trace
from collector.records import Clock
from tests.factories import batch, make_span

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests/data"
DOCUMENTED = str(DATA / "documented-console/stdout.txt")

EMPTY = "Nothing to import: no console output of OpenTelemetry, no OTLP and no claims are in it."
UNREAD = "Nothing was imported: nothing could be read."

Outcome = tuple[int, list[str], list[str]]
Import = Callable[..., Outcome]


@pytest.fixture
def run_import(db: None) -> Import:
    """Runs the command; gives its exit status and the lines of standard output and error."""

    def run(*arguments: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import", *arguments, stdout=out, stderr=err, no_color=True)
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return status, out.getvalue().splitlines(), err.getvalue().splitlines()

    return run


def test_the_documented_sample_is_imported_whole(run_import: Import) -> None:
    status, out, err = run_import(DOCUMENTED)
    assert (status, out) == (0, ["imported: 1 spans, 6 points, 11 logs, 0 objects, 1 skipped"])
    assert err == [f"{DOCUMENTED}:9: program output: stdout='Hello World\\n' stderr='' exit_code=0"]
    span = Span.objects.get()
    assert (span.operation.name, span.trace_id) == ("POST", "1453c64bd669390ef0b73508e6ef980e")
    assert Exemplar.objects.get().trace_id == span.trace_id
    assert Trace.objects.get().span_count == 1
    assert MetricPoint.objects.filter(stream__name="http.client.duration").count() == 1


@pytest.mark.parametrize(
    "names", [["documented-console/stdout.txt"], ["console/stdout.txt", "console-old-sdk-0.5.2/stdout.txt"]]
)
def test_importing_again_changes_nothing(run_import: Import, names: list[str]) -> None:
    paths = [str(DATA / name) for name in names]
    run_import(*paths)
    before = [sorted(model.objects.values_list()) for model in (Span, Log, Trace)], MetricPoint.objects.count()
    status, out, _ = run_import(*paths)
    assert status == 0
    assert out[-1].startswith("imported: 0 spans, 0 points, 0 logs, 0 objects, ")
    assert "were there already" in out[-2]
    assert (
        [sorted(model.objects.values_list()) for model in (Span, Log, Trace)],
        MetricPoint.objects.count(),
    ) == before


def test_recorded_bodies_of_several_programs_are_imported_as_their_index_says(run_import: Import) -> None:
    status, out, err = run_import(*(str(path) for path in sorted((DATA / "full-path/otlp").glob("*.pb"))))
    assert (status, err) == (0, [])
    assert out == ["imported: 371 spans, 21 points, 32 logs, 0 objects, 0 skipped"]
    assert sum(Trace.objects.values_list("span_count", flat=True)) == 371


def test_the_same_body_packed_is_no_other_telemetry(run_import: Import) -> None:
    folder = DATA / "gzip-and-json/otlp"
    assert run_import(*map(str, folder.glob("*.pb")))[1] == [
        "imported: 7 spans, 17 points, 6 logs, 0 objects, 0 skipped"
    ]
    status, out, _ = run_import(*map(str, folder.glob("*.pb.gz")))
    assert (status, out[-1]) == (0, "imported: 0 spans, 0 points, 0 logs, 0 objects, 0 skipped")


def test_standard_input_is_a_file_called_minus(run_import: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        buffer = io.BytesIO(b"nonsense\n" + Path(DOCUMENTED).read_bytes())

        @staticmethod
        def isatty() -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Terminal)
    status, out, err = run_import("-")
    assert (status, out) == (0, ["imported: 1 spans, 6 points, 11 logs, 0 objects, 2 skipped"])
    assert err[0] == "<stdin>:1: program output: nonsense"


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("Asia/Kolkata", 5), ("+05:30", 5), ("-05:00", 16), ("UTC", 11), ("Europe/London", 10), (None, 10)],
)
def test_the_zone_of_log_lines_is_what_the_user_says_or_what_the_spans_show(
    run_import: Import, zone: str | None, hour: int
) -> None:
    status, _, _ = run_import(DOCUMENTED, *([f"--tz={zone}"] if zone else []))
    assert status == 0
    log = Log.objects.order_by("time_ns")[0]
    assert datetime.fromtimestamp(log.time_ns // 10**9, UTC).hour == hour
    assert log.clock == (Clock.CLIENT if zone else Clock.ZONE_ASSUMED)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "+99:00", "tomorrow"])
def test_a_zone_that_is_none_is_refused_before_anything_is_read(run_import: Import, zone: str) -> None:
    with pytest.raises(CommandError, match="is no time zone") as refused:
        run_import(DOCUMENTED, f"--tz={zone}")
    assert refused.value.returncode == 2
    assert Log.objects.count() == 0


def test_something_unreadable_is_named_by_file_and_line_and_the_rest_is_kept(
    run_import: Import, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.txt"
    cut.write_bytes(Path(DOCUMENTED).read_bytes()[:-200])
    status, out, err = run_import(str(cut))
    assert (status, out) == (1, ["imported: 0 spans, 6 points, 11 logs, 0 objects, 2 skipped"])
    last_line = cut.read_text().count("\n") + 1
    first_line = cut.read_text().splitlines().index('    "name": "POST",')
    assert err[-1].startswith(f"{cut}:{first_line}-{last_line}: the text ends inside this JSON object")


def test_a_file_that_cannot_be_opened_costs_no_other(run_import: Import, tmp_path: Path) -> None:
    status, out, err = run_import(str(tmp_path / "missing"), str(tmp_path), DOCUMENTED)
    assert (status, out[-1]) == (1, "imported: 1 spans, 6 points, 11 logs, 0 objects, 3 skipped")
    assert err[0] == f"{tmp_path / 'missing'}: cannot be read: No such file or directory"
    assert err[1] == f"{tmp_path}: cannot be read: Is a directory"
    assert run_import(str(tmp_path))[2][-1] == UNREAD


@pytest.mark.parametrize(("content", "told"), [(b"", EMPTY), (b"nothing here\n", EMPTY), (b"\x00\x01\x02", UNREAD)])
def test_a_file_with_nothing_in_it_is_told_by_the_exit_status(
    run_import: Import, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "empty").write_bytes(content)
    status, out, err = run_import(str(tmp_path / "empty"))
    assert status == 2
    assert out[-1].startswith("imported: 0 spans, 0 points, 0 logs, 0 objects, ")
    assert err[-1] == told


def test_long_notes_are_cut_but_every_unreadable_place_is_named(run_import: Import, tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.txt"
    noisy.write_text("\n\n".join(f"line {n}\n{{broken {n}}}" for n in range(30)) + '\n{"name": \n\n{"body": \n')
    _, _, err = run_import(str(noisy))
    assert sum("program output" in line for line in err) == 10
    assert sum("broken JSON" in line or "ends inside" in line for line in err) == 2
    assert any("more places that were left out" in line for line in err)


def test_json_is_one_object_with_an_account_of_each_file(run_import: Import) -> None:
    status, out, _ = run_import(DOCUMENTED, "--json")
    assert status == 0
    (line,) = out
    answer = json.loads(line)
    assert answer["imported"] == {"spans": 1, "points": 6, "logs": 11, "objects": 0, "skipped": 1}
    (account,) = answer["files"]
    assert (account["name"], account["held"], account["unreadable"]) == (DOCUMENTED, 18, 0)
    assert account["traces"] == {"1453c64bd669390ef0b73508e6ef980e": "POST"}
    (problem,) = account["problems"]
    assert (problem["line"], problem["last_line"], problem["count"]) == (9, 9, 1)


def test_a_database_of_another_version_is_left_to_its_owner(run_import: Import) -> None:
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("collector")
    MigrationRecorder(connection).record_unapplied(*newest)
    with pytest.raises(CommandError, match=r"run manage\.py migrate first") as refused:
        run_import(DOCUMENTED)
    assert refused.value.returncode == 2
    assert Log.objects.count() == 0


def test_a_terminal_sees_how_far_it_is(db: None, tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    broken = tmp_path / "broken.txt"
    broken.write_text(Path(DOCUMENTED).read_text() + '{"name": ')
    err = Terminal()
    with pytest.raises(SystemExit):
        call_command("import", str(broken), stdout=io.StringIO(), stderr=err)
    progress, _, rest = err.getvalue().rpartition("\r\x1b[K")
    assert progress.endswith(f"\r{broken}: 18 items")
    note, problem = rest.splitlines()
    assert note.startswith(f"{broken}:9: program output")
    assert problem.startswith(f"{broken}:262: the text ends inside")


def test_a_database_that_cannot_be_written_is_told_without_a_traceback(
    run_import: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: Any, **options: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr("collector.store.save", locked)
    with pytest.raises(CommandError, match=r"database is locked.*import the file again") as refused:
        run_import(DOCUMENTED)
    assert refused.value.returncode == 1


def test_an_account_keeps_the_first_problems_and_counts_them_all() -> None:
    account = Account("x")
    for line in range(1, MAX_PROBLEMS + 51):
        account.leave_out(Problem(line, f"broken {line}"))
    assert (len(account.problems), account.problems_left_out) == (MAX_PROBLEMS, 50)
    assert account.skipped == account.unreadable == MAX_PROBLEMS + 50


def test_neighbouring_lines_left_out_for_one_reason_are_told_as_one() -> None:
    account = Account("x")
    for line in (1, 2, 3, 7, 8):
        account.leave_out(Problem(line, f"program output: {line}", unreadable=False))
    account.leave_out(Problem(9, "a JSON object that is not telemetry", unreadable=False))
    assert [(p.line, p.last_line, p.count) for p in account.problems] == [(1, 3, 3), (7, 8, 2), (9, 0, 1)]
    assert (account.skipped, account.unreadable) == (6, 0)


@pytest.mark.django_db
def test_an_account_names_the_first_traces_by_their_roots() -> None:
    account = Account("x")
    child = make_span("child", trace="1f" * 16, parent="2e" * 8)
    root = make_span("root", trace="1f" * 16, span="2e" * 8)
    made = batch(child, root, *(make_span() for _ in range(MAX_TRACES + 5)))
    account.take(save_now(made), made)
    assert len(account.traces) == MAX_TRACES
    assert account.traces["1f" * 16] == "root"


def test_progress_is_told_after_every_batch(db: None) -> None:
    told: list[int] = []
    text = b"".join(b"2026-11-24 06:33:08,000 - INFO - %d\n" % n for n in range(5_000))
    account = import_stream(
        io.BytesIO(text), "x", save_now, zone=UTC, local_zone=UTC, progress=lambda account: told.append(account.held)
    )
    assert told == sorted(told)
    assert told[-1] == account.logs == 5_000
    assert len(told) > 1


@pytest.mark.server
def test_an_import_is_the_first_thing_a_new_user_may_run(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DASHBOARD_DATA_DIR": str(tmp_path / "new"), "TZ": "America/New_York"}
    plain = tmp_path / "lines.txt"
    plain.write_text("2026-07-01 08:00:00,000 - INFO - printed on this machine\n")
    done = subprocess.run(
        [sys.executable, "manage.py", "import", str(plain)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "imported: 0 spans, 0 points, 1 logs, 0 objects, 0 skipped\n"
    with closing(sqlite3.connect(tmp_path / "new/dashboard.sqlite3")) as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental: it can shrink
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    show = "from collector.models import Log; print(Log.objects.get().time_ns)"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", show],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) == int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()) * 10**9
