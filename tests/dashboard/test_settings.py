"""Settings from the environment: what they are as they come, what follows from what, and what cannot be."""

from __future__ import annotations

import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
from environs import EnvError

from tests.server import COMMAND, OURS, ROOT, free_ports

Variables = dict[str, str]


def read_settings(data_dir: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """The settings under these variables and no others of ours."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    for name, value in {"DASHBOARD_DATA_DIR": str(data_dir), **variables}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "dashboard" / "settings.py"))


def test_as_it_comes_it_listens_to_this_machine_only_and_keeps_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings(tmp_path, monkeypatch)
    names = ("DASHBOARD_HOST", "DASHBOARD_PORT", "OTLP_HOST", "OTLP_HTTP_PORT", "OTLP_GRPC_PORT")
    assert [settings[name] for name in names] == ["127.0.0.1", 8000, "127.0.0.1", 4318, 4317]
    assert (settings["DASHBOARD_TOKEN"], settings["OTLP_API_KEY"], settings["DEBUG"]) == ("", [], False)
    assert settings["DATABASES"]["default"]["NAME"] == tmp_path / "dashboard.sqlite3"


def test_beyond_this_machine_there_is_a_token_and_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_settings(tmp_path, monkeypatch, DASHBOARD_HOST="0.0.0.0")
    again = read_settings(tmp_path, monkeypatch, DASHBOARD_HOST="0.0.0.0")
    assert len(first["DASHBOARD_TOKEN"]) > 40
    assert first["DASHBOARD_TOKEN"] == again["DASHBOARD_TOKEN"] != first["SECRET_KEY"] == again["SECRET_KEY"]
    assert first["OTLP_HOST"] == "0.0.0.0"


def test_what_is_kept_is_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)  # somebody else made the directory
    read_settings(tmp_path, monkeypatch, DASHBOARD_HOST="0.0.0.0")
    found = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
    assert found == {"dashboard.sqlite3": 0, "secret_key": 0, "token": 0}


def test_a_data_directory_is_made_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_settings(tmp_path / "a" / "b", monkeypatch)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_data_directory_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvError, match=f"DASHBOARD_DATA_DIR: {tmp_path / name} cannot be made or written to: "):
        read_settings(tmp_path / name, monkeypatch)


def test_an_empty_variable_is_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker-compose.yml hands on what is not set as an empty text."""
    names: tuple[str, ...] = ("DASHBOARD_TOKEN", "DASHBOARD_PUBLIC_URL", "OTLP_API_KEY", "DATABASE_URL", "REDIS_URL")
    names += ("REDACT_BUILTIN", "REDACT_PATTERNS", "REDACT_KEYS")
    settings = read_settings(tmp_path, monkeypatch, **dict.fromkeys(names, ""))
    usual = read_settings(tmp_path, monkeypatch)
    kept = (
        "DASHBOARD_TOKEN",
        "FORCE_SCRIPT_NAME",
        "ALLOWED_HOSTS",
        "OTLP_API_KEY",
        "DATABASES",
        "CHANNEL_LAYERS",
        "REDACTION",
    )
    assert [settings[name] for name in kept] == [usual[name] for name in kept]


def test_a_public_address_gives_the_path_and_the_name_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(tmp_path, monkeypatch, DASHBOARD_PUBLIC_URL="https://example.org:8443/sandboxes/")
    assert settings["FORCE_SCRIPT_NAME"] == "/sandboxes"
    assert "example.org" in settings["ALLOWED_HOSTS"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://example.org:8443"]


def test_redaction_is_off_unless_something_is_to_be_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(tmp_path, monkeypatch)["REDACTION"] is None
    variables = {"REDACT_BUILTIN": "jwt, aws", "REDACT_PATTERNS": "a,b\nc", "REDACT_KEYS": "*pass*, x"}
    rules = read_settings(tmp_path, monkeypatch, **variables)["REDACTION"]
    assert (len(rules.patterns), rules.patterns[2:], rules.keys) == (4, ("a,b", "c"), ("*pass*", "x"))


def test_keys_come_with_commas_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(tmp_path, monkeypatch, OTLP_API_KEY="old,new")["OTLP_API_KEY"] == ["old", "new"]


def test_postgresql_is_reached_through_a_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(tmp_path, monkeypatch, DATABASE_URL="postgres://me:secret@db:5433/telemetry")
    database = settings["DATABASES"]["default"]
    assert (database["ENGINE"], database["HOST"], database["PORT"]) == ("django.db.backends.postgresql", "db", 5433)
    assert database["OPTIONS"]["pool"]["max_size"] > 1


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"DASHBOARD_PORT": "http"}, "DASHBOARD_PORT"),
        ({"DASHBOARD_PORT": "0"}, "DASHBOARD_PORT"),
        ({"OTLP_GRPC_PORT": "70000"}, "OTLP_GRPC_PORT"),
        ({"OTLP_MAX_BODY_BYTES": "64 MB"}, "OTLP_MAX_BODY_BYTES"),
        ({"REDACT_PATTERNS": "fine\n(unclosed"}, "REDACT_PATTERNS: '(unclosed' is no regular expression"),
        ({"REDACT_BUILTIN": "bearers"}, "REDACT_BUILTIN: there is no 'bearers'"),
        ({"REDACT_KEYS": "a,*"}, "REDACT_KEYS: '*' would mask"),
        ({"DATABASE_URL": "nonsense:secret"}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://me:secret@db/x"}, "DATABASE_URL"),
        ({"DASHBOARD_PUBLIC_URL": "example.org/sandboxes"}, "DASHBOARD_PUBLIC_URL"),
    ],
)
def test_a_value_that_cannot_be_is_told_in_a_sentence(tmp_path: Path, variables: Variables, told: str) -> None:
    ended = start(DASHBOARD_DATA_DIR=str(tmp_path), **variables)
    assert ended.returncode != 0
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ":secret" not in ended.stderr


@pytest.mark.long  # waits for the time-out
def test_a_database_that_is_away_is_told_in_a_sentence(tmp_path: Path) -> None:
    ended = start(DASHBOARD_DATA_DIR=str(tmp_path), DATABASE_URL="postgres://me:secret@127.0.0.1:1/telemetry")
    assert ended.returncode == 1
    assert "PostgreSQL database telemetry on 127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


def test_a_data_directory_that_cannot_be_is_told_in_a_sentence() -> None:
    ended = start(DASHBOARD_DATA_DIR=f"{__file__}/data")
    assert (ended.returncode, "DASHBOARD_DATA_DIR" in ended.stderr) == (2, True)
    assert "Traceback" not in ended.stderr


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py up` under these variables, which it cannot start with."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    ports = {"DASHBOARD_PORT": str(free_ports()[0]), "OTLP_HTTP_PORT": "0", "OTLP_GRPC_PORT": "0"}
    environment = inherited | ports | variables
    return subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
