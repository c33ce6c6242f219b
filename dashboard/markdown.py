"""Words of strangers in Markdown: names, values and messages are told, and never become markup, links or mentions.

Before: a claim's story, a trace's spans. After: text that is pasted into an issue or a chat, where Markdown is read as
CommonMark with GitHub's tables, autolinks and mentions.
"""

from __future__ import annotations

import re

SPECIAL = re.compile(r"([\\`*_~&\[\]<>|#])")
TICKS = re.compile(r"`+")
NOTHING = "–"  # noqa: RUF001 - a dash, as tables write it
UNSEEN = "\u200b"  # after an @, so that nobody is called


def one_line(text: str, most: int = 0) -> str:
    """Without line breaks, and without what turns the direction of writing around; `most` characters of it."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return words if not most or len(words) <= most else words[: most - 1] + "…"


def plain(text: str, most: int = 0) -> str:
    """In one line, with nothing that Markdown or HTML would make something of, nor a link of an address."""
    words = SPECIAL.sub(r"\\\1", one_line(text, most))
    words = words.replace("://", ":\\/\\/").replace("www.", "www\\.").replace("WWW.", "WWW\\.")
    return words.replace("@", f"@{UNSEEN}")


def code(text: str, most: int) -> str:
    """As code, to be copied as it is; the fence is longer than any in the text. Not for tables: see `cell`."""
    words = one_line(text, most)
    if not words:
        return NOTHING
    fence = "`" * (1 + max(map(len, TICKS.findall(words)), default=0))
    room = " " if words[0] == "`" or words[-1] == "`" else ""
    return f"{fence}{room}{words}{room}{fence}"


def cell(text: str, most: int) -> str:
    """In a table: as code, but for what a table would break at."""
    return plain(text, most) if "|" in text else code(text, most)


def block(lines: list[str]) -> list[str]:
    """Lines that stay as they are, one below the other, inside a fence none of them can close."""
    longest = max((len(ticks) for line in lines for ticks in TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *lines, fence]
