"""Where each key of a TOML text stands; `tomllib` reads the values and doesn't tell.

The text is one that `tomllib` has taken, so nothing here looks for mistakes.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from flowlens.batch.jobtypes import Way

_BLANKS = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_COMMAS = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}#\r\n]*")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_DEEPEST = 8
"""Of a key's own beginnings so many get a line: no key of a job has more parts."""


def key_lines(text: str) -> dict[Way, int]:
    """The lines, from 1, of all keys, tables and elements of arrays; a table's is its first one.

    >>> key_lines("a = 1\\n[[b]]\\nc.d = [\\n  'x',\\n]")[("b", 0, "c", "d", 0)]
    4
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


class _Scanner:
    """Goes through a text once; `at` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Way, int] = {}
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._elements: dict[Way, int] = {}

    def document(self) -> None:
        table: Way = ()
        while True:
            self._pass(_BETWEEN)
            if self.at == len(self.text):
                return
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Way:
        """The table that a header opens: `[a.b]`, or the next element of `[[a.b]]`."""
        line = self._line()
        several = self.text.startswith("[[", self.at)
        self.at += 2 if several else 1
        keys = self._keys()
        self.at += 2 if several else 1
        table: Way = ()
        for key in keys[:-1]:
            table = self._last((*table, key))
            self.found.setdefault(table, line)
        table = (*table, keys[-1])
        if not several:
            self.found[table] = line  # rather than that of a table within it
        else:
            self.found.setdefault(table, line)
            self._elements[table] = self._elements.get(table, 0) + 1
            table = self._last(table)
            self.found.setdefault(table, line)
        return table

    def _last(self, path: Way) -> Way:
        """A table, or the last element where it is an array of tables."""
        return (*path, self._elements[path] - 1) if path in self._elements else path

    def _pair(self, table: Way) -> None:
        line = self._line()
        keys = self._keys()
        for length in range(1, min(len(keys), _DEEPEST) + 1):
            self.found.setdefault((*table, *keys[:length]), line)
        self.at += 1  # the =
        self._pass(_BLANKS)
        self._value((*table, *keys))

    def _keys(self) -> list[str]:
        """The parts of a dotted key; ends behind the blanks that follow it."""
        keys = []
        while True:
            self._pass(_BLANKS)
            if self.text[self.at] in "\"'":
                keys.append(_unquoted(self._pass(_TEXT)))
            else:
                keys.append(self._pass(_BARE))
            self._pass(_BLANKS)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, path: Way) -> None:
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif first in "\"'":
            self._pass(_TEXT)
        else:
            self._pass(_PLAIN)

    def _array(self, path: Way) -> None:
        self.at += 1
        number = 0
        while True:
            self._pass(_COMMAS)
            if self.text[self.at] == "]":
                break
            self.found.setdefault((*path, number), self._line())
            self._value((*path, number))
            number += 1
        self.at += 1

    def _inline(self, path: Way) -> None:
        self.at += 1
        while True:
            self._pass(_COMMAS)
            if self.text[self.at] == "}":
                break
            self._pair(path)
        self.at += 1

    def _pass(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return match[0]

    def _line(self) -> int:
        return bisect_right(self._ends, self.at - 1) + 1


def _unquoted(key: str) -> str:
    if "\\" not in key or key.startswith("'"):
        return key[1:-1]
    return str(tomllib.loads(f"key = {key}")["key"])
