"""Static files, with a version in their URLs: /static/<version>/css/tokens.css. Browsers keep them for good.

Before: templates ask `static` for a URL. After: `asgi` serves the file, whatever the version; for good only when it is
that of the files as they are now.

One version for all, in the path, and no hash in each name: a module's relative imports and a style sheet's url() then
lead to the same version with no file rewritten, and nothing has to be built before the first start.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from servestatic import ServeStaticASGI

VERSIONED = re.compile(r"/static/([0-9a-f]{12})(/.+)")
VENDORED = re.compile(r"/vendor/[^/]+-\d+\.\d+\.\d+\.min\.js$")  # with a version of its own
LOOK_EVERY_S = 1.0  # a page has hundreds of icons, each with a URL


class Version:
    """Of all files below a directory, by their names and contents; read again only where one was written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._version = ""
        self._looked = 0.0

    def now(self) -> str:
        """Of the files as they are: 12 hexadecimal digits."""
        self._looked = time.monotonic()
        seen = tuple(
            (str(path.relative_to(self._root)), status.st_mtime_ns, status.st_size)
            for path in sorted(self._root.rglob("*"))
            if path.is_file() and (status := path.stat())
        )
        if seen != self._seen:
            digest = blake2b(digest_size=6)
            for name, _, size in seen:
                digest.update(f"{name}\0{size}\0".encode() + (self._root / name).read_bytes())
            self._seen, self._version = seen, digest.hexdigest()
        return self._version

    def lately(self) -> str:
        """As it was a second ago at most."""
        return self._version if time.monotonic() - self._looked < LOOK_EVERY_S else self.now()


version = Version(settings.BASE_DIR / "static")


class VersionedStorage(StaticFilesStorage):
    """What `static` asks for the URL of a file."""

    def url(self, name: str | None) -> str:
        return super().url(f"{version.lately()}/{name}")


class StaticFiles(ServeStaticASGI):  # type: ignore[misc]  # it says nothing of its types
    """Serves the files, and hands what is none to the application.

    They are looked up at each request, so that a checkout may be updated under a running server.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        super().__init__(
            application,
            root=settings.BASE_DIR / "static",
            prefix="static",
            max_age=0,
            allow_all_origins=False,
            autorefresh=True,
            immutable_file_test=_never_changes,
        )

    def candidate_paths_for_url(self, url: str) -> Iterator[str]:
        match = VERSIONED.fullmatch(url)
        found: Iterator[str] = super().candidate_paths_for_url(f"/static{match[2]}" if match else url)
        return found


def _never_changes(path: str, url: str) -> bool:
    match = VERSIONED.fullmatch(url)
    return bool(VENDORED.search(url)) or (match is not None and match[1] == version.now())
