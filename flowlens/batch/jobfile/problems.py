"""What is wrong with a job file: every problem with its line and key, raised as one error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowlens.batch.jobtypes import Way, Wrong
from flowlens.core.errors import UsageError
from flowlens.core.listfile import bad, shortened

_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}")


class JobError(UsageError):
    """A job file is wrong; `problems` has a line for each thing that is."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "; ".join(self.problems)
        several = len(self.problems) > 1
        super().__init__(f"{path}: {len(self.problems)} problems: {listed}" if several else listed)

    @classmethod
    def about(cls, path: Path, what: str) -> JobError:
        """The error about a file as a whole."""
        return cls(path, [f"{path}: {what}"])

    @classmethod
    def at(cls, path: Path, line: int, what: str) -> JobError:
        """The error about a line in which no key can be named."""
        return cls(path, [str(bad(path, line, what))])


class Problems:
    """Gathers what is wrong with the file at `path`, whose keys stand on `lines`."""

    def __init__(self, path: Path, lines: Mapping[Way, int]) -> None:
        self.path = path
        self._lines = lines
        self._found: list[tuple[int, str]] = []

    def add(self, at: Way, what: str) -> None:
        """Something about the value at a place; or, if it isn't there, about what should hold it.

        Numbers of elements aren't shown: the line tells which is meant.
        """
        line = next((self._lines[p] for p in _upwards(at) if p in self._lines), 1)
        self._found.append((line, f"{self.path}:{line}: {spelled(at)}: {what}"))

    def add_all(self, at: Way, wrong: Wrong) -> None:
        """All that is wrong with the value at a place."""
        for way, what in wrong.faults:
            self.add((*at, *way), what)

    def settle(self) -> None:
        """Go on if nothing is wrong.

        Raises:
            JobError: something is; in the order of lines.
        """
        if self._found:
            ordered = sorted(self._found, key=lambda found: found[0])
            raise JobError(self.path, [text for _, text in ordered])


def _upwards(at: Way) -> list[Way]:
    return [at[:length] for length in range(len(at), 0, -1)]


def spelled(at: Way) -> str:
    """A key as one writes it, without the numbers of elements.

    >>> spelled(("alerts", 0, "to", 1)), spelled(("params", "a b"))
    ('alerts.to', "params.'a b'")
    """
    keys = [key for key in at if isinstance(key, str)]
    return ".".join(key if _BARE.fullmatch(key) else shortened(key) for key in keys)
