"""Text to JSON objects and lines, in flat memory.

Before: `files` opens the text. After: `reader` makes records of what is found here.

Objects are read by a JSON decoder from a `{` on, not by lines: they are printed over many, and their strings hold
anything. A program whose output goes to a pipe writes it in blocks of 8 KiB, between which its unbuffered log lines
fall, even in the middle of a word: where the decoder stumbles over one, that line is taken out and the object
read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from collector.console.found import Found, FoundLine, FoundObject, Problem
from collector.console.lines import LOG_LINE

WINDOW_CHARS = 1 << 16
MIN_DROP_CHARS = 1 << 12
MAX_OBJECT_CHARS = 64 << 20
MAX_MENDS = 100  # log lines taken out of one object

COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
# The first line of what the exporters print, for an object that follows output without a line end: `waiting...{`.
FIRST_MEMBER = re.compile(r' {4}"(?:name|body|resource_metrics)":')
PROGRAM_BRACE = re.compile(r'\{\s*[^\s"}]')  # {'a': 1}, {x}: a brace, but not JSON

WORDS = ("null", "true", "false", "NaN", "Infinity", "-Infinity")
MAX_WORD_CHARS = max(map(len, WORDS))

_decoder = json.JSONDecoder()


class Scanner:
    """Finds what a text holds: `for found in Scanner(stream)`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._window = ""  # whole lines, from `_position` on still to be looked at
        self._position = 0
        self._content_end = 0  # where the window's last line with something in it ends
        self._line = 1
        self._tail = ""  # the beginning of a line whose end is not read yet
        self._ended = False

    def __iter__(self) -> Iterator[Found]:
        while not self._ended:
            self._read_more()
            while self._position < len(self._window):
                if self._position > max(MIN_DROP_CHARS, len(self._window) // 8):
                    self._drop_read()
                found = self._next()
                if not found:
                    break  # an object goes on beyond the window
                yield from found

    def _read_more(self) -> None:
        """Adds lines to the window; it doubles while one object fills it, so that none is read over and over."""
        chunk = self._stream.read(max(WINDOW_CHARS, len(self._window) - self._position))
        text = self._tail + chunk
        self._ended = not chunk
        cut = len(text) if self._ended or len(text) > MAX_OBJECT_CHARS else text.rfind("\n") + 1
        fresh, self._tail = text[:cut], text[cut:]
        if "\x1b" in fresh:
            fresh = COLOURS.sub("", fresh)
        self._window = self._window[self._position :] + fresh
        self._position = 0
        self._content_end = len(self._window.rstrip())

    def _drop_read(self) -> None:
        """The decoder's errors count lines from the window's beginning. Kept short, that is a third of the time for a
        text of braces."""
        self._window = self._window[self._position :]
        self._content_end -= self._position
        self._position = 0

    def _next(self) -> list[Found]:
        """What stands at the position; nothing when more has to be read to tell."""
        start, end = self._position, self._line_end(self._position)
        text = self._window[start:end].rstrip("\r")
        if text.startswith("{") and not PROGRAM_BRACE.match(text):
            return self._object()
        if text.endswith("{"):
            if end + 1 >= len(self._window) and not self._ended:
                return []
            if FIRST_MEMBER.match(self._window, end + 1):
                self._position = start + len(text) - 1
                return [FoundLine(self._line, text[:-1])]
        self._go_to(end + 1)
        return [FoundLine(self._line - 1, text.rpartition("\r")[2])]  # a progress bar: what it last said

    def _line_end(self, position: int) -> int:
        end = self._window.find("\n", position)
        return len(self._window) if end < 0 else end

    def _go_to(self, position: int, taken_out: int = 0) -> None:
        """Moves on; `taken_out` lines are no longer in the window."""
        position = min(position, len(self._window))
        passed = self._window.count("\n", self._position, position)
        last = position == len(self._window) and not self._window.endswith("\n")
        self._line += passed + last + taken_out
        self._position = position

    def _object(self) -> list[Found]:
        """The object at the position, with the log lines that were found inside it."""
        whole, start, line = self._window, self._position, self._line
        inside: list[FoundLine] = []
        while True:
            try:
                value, end = _decoder.raw_decode(self._window, start)
            except json.JSONDecodeError as error:
                left = self._content_end - (len(whole) - len(self._window)) - error.pos
                unfinished = left <= 1 or self._begins_a_word(error.pos, left)
                if unfinished and not self._ended and len(whole) - start < MAX_OBJECT_CHARS:
                    self._window = whole
                    return []
                if len(inside) < MAX_MENDS and self._take_out(error.pos, inside):
                    continue
                at = line + self._window.count("\n", start, error.pos) + len(inside)
                self._window = whole
                return [self._broken(_reason(error, unfinished and self._ended, at))]
            except (ValueError, RecursionError):
                self._window = whole
                return [self._broken("a JSON object with a number too long, or nested too deep, to be read")]
            return [*self._finish(start, end, value, len(inside)), *inside]

    def _begins_a_word(self, position: int, left: int) -> bool:
        """Whether the text ends inside a literal: `nul`."""
        rest = self._window[position : position + left] if left < MAX_WORD_CHARS else ""
        return bool(rest) and any(word.startswith(rest) for word in WORDS)

    def _finish(self, start: int, end: int, value: dict[str, Any], taken_out: int) -> list[Found]:
        found = FoundObject(self._line, value, self._window[start:end])
        line_end = self._line_end(end)
        rest = self._window[end:line_end].lstrip()
        self._go_to(line_end - len(rest) if rest else line_end + 1, taken_out)
        return [found]

    def _take_out(self, stumble: int, inside: list[FoundLine]) -> bool:
        """Takes the log line the decoder stumbled over out of the window, when it is one."""
        begin = max(self._window.rfind("\n", 0, stumble) + 1, self._position)
        end = self._line_end(stumble)
        log = LOG_LINE.search(self._window, begin, end)
        if log is None:
            return False
        line = self._line + self._window.count("\n", self._position, begin) + len(inside)
        inside.append(FoundLine(line, self._window[log.start() : end].rstrip("\r")))
        self._window = self._window[: log.start()] + self._window[end + 1 :]
        return True

    def _broken(self, reason: str) -> Problem:
        """Passes over what is left of an object: lines that are indented or close something, to its last brace."""
        first = self._line
        end = self._line_end(self._position)
        while end + 1 < len(self._window) and self._window[end + 1] in " \t}]":
            closed = self._window[end + 1] == "}"
            end = self._line_end(end + 1)
            if closed:
                break
        self._go_to(end + 1)
        return Problem(first, reason, last_line=self._line - 1)


def _reason(error: json.JSONDecodeError, at_end: bool, line: int) -> str:
    if at_end or error.msg.startswith("Unterminated string"):
        return "the text ends inside this JSON object: the program was killed, or the copy is not whole"
    return f"broken JSON: {error.msg[0].lower()}{error.msg[1:]} in line {line}"
