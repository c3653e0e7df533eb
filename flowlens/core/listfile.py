"""Small text files that users write: lines with their numbers, and errors that name the line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowlens.core.errors import UsageError

MOST_BYTES = 64 << 20
"""What a list may hold; the largest published ones have a few megabytes."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file that hold anything but blanks or a `#` comment, by number from 1.

    A byte order mark and Windows line ends are no part of a line, nor are blanks around it.

    Raises:
        UsageError: the file can't be read, is too long for a list, or holds what is no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror or error}; a list must be a text file"
        ) from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path}: over {MOST_BYTES >> 20} MiB; a list must be a small text file")
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise bad(path, number, "no UTF-8 text; save the file as UTF-8") from error
        if "\0" in line:
            raise bad(path, number, "a NUL byte; a list must be a text file")
        if line and not line.startswith("#"):
            yield number, line


def bad(path: Path, number: int, what: str) -> UsageError:
    """The error that a line of a file makes.

    >>> str(bad(Path("allow.txt"), 7, "no CIDR"))
    'allow.txt:7: no CIDR'
    """
    return UsageError(f"{path}:{number}: {what}")


def shortened(text: str) -> str:
    """A value as an error shows it, quoted and of bounded length.

    >>> shortened("a" * 100) == repr("a" * 59 + "…")
    True
    """
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


_SHOWN = 60
