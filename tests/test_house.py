"""What the house promises of itself: imports, migrations, sizes, and papers that agree with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command, get_commands

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
APPS = ("collector", "sandboxes", "dashboard")
MAX_LINES = 300

MODULES = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]
# Reports are files to take away: all they need is in them, and a content policy of their own.
TEXTS = {".py", ".html", ".css", ".js", ".md"}
TEMPLATES = [path for path in sorted((ROOT / "templates").rglob("*.html")) if path.parent.name != "report"]
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_modules_import_downwards_only() -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_fits_in_a_head(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert not text.strip() or path.name == "apps.py" or text.startswith('"""'), "a module says what it is for"


# Settings


def variables_of_settings() -> set[str]:
    text = (ROOT / "dashboard" / "settings.py").read_text()
    return set(re.findall(r"""env(?:\.\w+)?\(\s*["'](\w+)""", text))


def variables_of_readme() -> set[str]:
    section = README.partition("## Settings")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\|(.*?)\|", section, re.MULTILINE)
    return set(re.findall(r"`([A-Z_]+)`", "".join(first_cells)))


def test_the_table_of_settings_holds_those_there_are_and_no_other() -> None:
    assert variables_of_settings() >= {"DASHBOARD_PORT", "DATABASE_URL"}
    assert variables_of_readme() == variables_of_settings()


# What papers name


def test_every_command_of_the_readme_is_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test"} <= set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.MULTILINE)) <= targets
    assert {"import", "clear"} <= set(re.findall(r"manage\.py (\w+)", README)) <= set(get_commands())


@pytest.mark.parametrize("path", ["README.md", "CHANGELOG.md", *map(relative, sorted((ROOT / "docs").rglob("*.md")))])
def test_the_files_a_paper_links_to_are_there(path: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / path).read_text())
    assert [link for link in links if not ((ROOT / path).parent / link).exists()] == []


def test_the_container_listens_where_its_ports_are_published() -> None:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    web = composed["services"]["web"]
    assert [port.rpartition(":")[2] for port in web["ports"]] == ["8000", "4318", "4317"]
    assert all(port.startswith("127.0.0.1:") for port in web["ports"])
    assert set(web["environment"]) <= variables_of_settings()
    assert {name: service.get("profiles") for name, service in composed["services"].items()} == {
        "web": None,
        "watcher": ["team"],
        "worker": ["team"],
        "postgres": ["team"],
        "redis": ["team"],
    }


def test_no_merge_has_left_its_marks() -> None:
    folders = ("collector", "dashboard", "sandboxes", "templates", "static/css", "static/js", "docs", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in TEXTS]
    marked = [path for path in files if re.search(r"^(<{7} |>{7} |={7}$)", path.read_text(), re.MULTILINE)]
    assert len(files) > 300
    assert marked == []


# The content policy allows nothing inline, and text from outside never becomes markup


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_a_template_has_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|javascript:", text)
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert "src=" in attributes or 'type="application/json"' in attributes
        assert "src=" not in attributes or not content.strip()


@pytest.mark.parametrize("path", SCRIPTS, ids=relative)
def test_a_script_makes_no_markup_of_text(path: Path) -> None:
    assert not re.search(
        r"(inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|setHTMLUnsafe|\beval\(", path.read_text()
    )
