"""Values of a job file: from what TOML has to what a job holds, or a clause that says why not.

A converter takes a value and the directory from where relative paths go, and raises Wrong.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flowlens.batch.jobfile.problems import Wrong
from flowlens.core.errors import UsageError, nearest
from flowlens.core.listfile import shortened
from flowlens.core.times import span as parse_span

Converter = Callable[[Any, Path], Any]

LONGEST = timedelta(days=36_500)
"""A span that is counted back from now must not end before the calendar does."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION = re.compile(r"\A--[a-z-]+( .*?)?: ")
_PLAIN = re.compile(r"[!#-~]{1,40}")
_PLACE = re.compile(r"\{\{|\}\}|\{[A-Za-z_][A-Za-z0-9_]*\}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")


def shown(value: object) -> str:
    """A value of any type as an error shows it.

    >>> shown(True), shown([1]), shown("x")
    ('true', 'a list', "'x'")
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    return shortened(value) if isinstance(value, str) else shortened(str(value))[1:-1]


def text(value: Any, base: Path) -> str:
    """A text that isn't blank."""
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is no text; put one in quotes")
    if not value.strip():
        raise Wrong("is blank; leave the key out, or give it a value")
    if "\0" in value:
        raise Wrong("holds a NUL; leave it out")
    return value


def name(value: Any, base: Path) -> str:
    """A name that is good for files and metrics, too."""
    if not _NAME.fullmatch(text(value, base)):
        raise Wrong(
            f"{shown(value)} is no name; use up to 64 of a to z, 0 to 9, and, not first, _ and -"
        )
    return str(value)


def whole(least: int, most: int = 1_000_000) -> Converter:
    """A whole number in a range."""

    def convert(value: Any, base: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong(f"{shown(value)} is no whole number")
        if not least <= value <= most:
            raise Wrong(f"{shown(value)} is out of range; give {least:,} to {most:,}")
        return value

    return convert


def number(value: Any, base: Path) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"{shown(value)} is no number; write one without quotes")
    try:
        if not -inf < value < inf:
            raise OverflowError
        return float(value)
    except OverflowError as error:
        raise Wrong(f"{shown(value)} is no finite number") from error


def yes(value: Any, base: Path) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong(f"{shown(value)} is neither true nor false, without quotes")
    return value


def span(*, zero: bool = False) -> Converter:
    """A span of time, such as `24h`; not nothing, unless it may be `zero`."""

    def convert(value: Any, base: Path) -> timedelta:
        found = parse_span(value) if isinstance(value, str) else None
        if found is None:
            raise Wrong(f'{shown(value)} is no span of time; write "90s", "30m", "24h" or "7d"')
        if found > LONGEST:
            raise Wrong(f"{shown(value)} is over 100 years; give less")
        if not found and not zero:
            raise Wrong(f"{shown(value)} is no time at all; give more")
        return found

    return convert


def choice(known: Iterable[str], what: str) -> Converter:
    """One of some texts; `what` they are, with its article."""
    by_name = {str(member): member for member in known}

    def convert(value: Any, base: Path) -> str:
        if text(value, base) not in by_name:
            raise Wrong(f"{shown(value)} is {what}; {nearest(value, by_name)}")
        return by_name[value]

    return convert


def several(each: Converter, *, least: int = 0, twice: bool = False) -> Converter:
    """A list, as a tuple; nothing stands there `twice` unless that may be."""

    def convert(value: Any, base: Path) -> tuple[Any, ...]:
        if not isinstance(value, list):
            plain = isinstance(value, str) and _PLAIN.fullmatch(value)
            example = value if plain else "…"
            raise Wrong(f'{shown(value)} is no list; write ["{example}"]')
        if len(value) < least:
            raise Wrong("is an empty list; name at least one")
        made: list[Any] = []
        faults: list[Any] = []
        for place, item in enumerate(value):
            try:
                one = each(item, base)
                if one in made and not twice:
                    raise Wrong(f"{shown(item)} stands there twice; once is enough")
                made.append(one)
            except Wrong as wrong:
                made.append(None)
                faults += [((place, *way), what) for way, what in wrong.faults]
        if faults:
            raise Wrong(*faults, rest=tuple(made))
        return tuple(made)

    return convert


def checked(check: Callable[[str], object]) -> Converter:
    """A text that a function of flowlens takes; of its complaint the option's name is left out."""

    def convert(value: Any, base: Path) -> str:
        try:
            check(text(value, base))
        except (UsageError, ValueError) as error:
            raise Wrong(_OPTION.sub("", str(error), count=1)) from error
        return str(value)

    return convert


def path(value: Any, base: Path) -> Path:
    """A path, made absolute; nothing needs to be there."""
    if text(value, base).startswith("~"):
        raise Wrong(f"{shown(value)}: no home is looked up here; write the whole path")
    if "://" in value:
        raise Wrong(f"{shown(value)} is no path; it has to be on this machine")
    place = base / str(value)
    try:
        os.lstat(place)
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise Wrong(f"{shown(value)}: {error.strerror}; name another place") from error
    return place


def directory(value: Any, base: Path) -> Path:
    """The path of a directory that is there or can be made."""
    place = path(value, base)
    if os.path.exists(place) and not os.path.isdir(place):
        raise Wrong(f"{shown(value)} is a file; name a directory")
    return place


def listed(check: Callable[[Path], object]) -> Converter:
    """The path of a list that a function of flowlens can read."""

    def convert(value: Any, base: Path) -> Path:
        place = path(value, base)
        try:
            check(place)
        except UsageError as error:
            raise Wrong(str(error)) from error
        return place

    return convert


def command(value: Any, base: Path) -> tuple[str, ...]:
    """A program and its arguments; a program's relative path goes from `base`, as all do."""
    if isinstance(value, str):
        raise Wrong('no shell runs commands here; write ["program", "argument"]')
    words: tuple[str, ...] = several(argument, least=1, twice=True)(value, base)
    program = text(words[0], base)
    return (str(base / program) if os.sep in program else program, *words[1:])


def argument(value: Any, base: Path) -> str:
    """An argument of a command, which may be empty."""
    return "" if value == "" else text(value, base)


def url(value: Any, base: Path) -> str:
    """An http(s) URL without a password; it isn't shown, for it may be a secret itself."""
    text(value, base)
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise Wrong("is no http or https URL; write https://HOST/PATH")
    if "@" in parts.netloc:
        raise Wrong("holds a user's name or password; set the URL in the environment")
    return str(value)


def variable(value: Any, base: Path) -> str:
    """The name of an environment variable."""
    if not _VARIABLE.fullmatch(text(value, base)):
        raise Wrong("is no name of an environment variable; write one as CHAT_WEBHOOK")
    return str(value)


def topic(value: Any, base: Path) -> str:
    """The ARN of a standard topic of SNS."""
    if not _TOPIC.fullmatch(text(value, base)):
        raise Wrong(
            f"{shown(value)} is no ARN of a standard topic; "
            "write arn:aws:sns:eu-west-1:123456789012:TOPIC"
        )
    return str(value)


def message(value: Any, base: Path) -> str:
    """A text with places for columns: `{name}`, and nothing more in the braces."""
    left = _PLACE.sub("", text(value, base))
    if "{" in left or "}" in left:
        raise Wrong("has a brace that is no {column}; write {{ or }} for the brace itself")
    return str(value)
