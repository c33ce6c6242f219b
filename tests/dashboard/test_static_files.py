"""The version in static files' URLs: of all files, by what is in them."""

from __future__ import annotations

import os
from pathlib import Path

from django.templatetags.static import static

from dashboard.static_files import Version, version


def test_a_file_that_is_changed_added_renamed_or_removed_makes_another_version(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    file = tmp_path / "js" / "live.js"
    file.write_text("let a;")
    versions = Version(tmp_path)
    found = [versions.now()]
    file.write_text("let b;")
    os.utime(file, ns=(1, 1))
    found.append(versions.now())
    (tmp_path / "js" / "new.js").write_text("")
    found.append(versions.now())
    file.rename(tmp_path / "js" / "life.js")
    found.append(versions.now())
    (tmp_path / "js" / "new.js").unlink()
    found.append(versions.now())
    assert len(set(found)) == len(found)


def test_the_same_files_elsewhere_have_the_same_version(tmp_path: Path) -> None:
    found: list[str] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.css").write_text("a {}")
        os.utime(tmp_path / name / "a.css", ns=(len(found) + 1, 1))
        found.append(Version(tmp_path / name).now())
    assert found[0] == found[1]


def test_templates_name_files_with_the_version_they_have() -> None:
    assert static("js/live.js") == f"/static/{version.now()}/js/live.js"
