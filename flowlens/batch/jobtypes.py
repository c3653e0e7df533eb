"""The types of a job's keys: annotations, from which a job file is validated and documented.

`msgspec.Meta` holds ranges and patterns, the words for errors (`title`, `description`) and, for a
key that has to be there, an example. `Convert` makes a value of what TOML has; `Check` validates
one further. Whatever doesn't fit raises Wrong.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import EnumMeta
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from flowlens.core.cidrs import parse_cidr, read_allowed
from flowlens.core.errors import UsageError, nearest
from flowlens.core.listfile import shortened
from flowlens.core.times import span as parse_span
from flowlens.inputs.aws.access import Access
from flowlens.naming.dns.servers import written
from flowlens.naming.dns.settings import Mode, settings
from flowlens.naming.who.lists import Lists
from flowlens.output.formats import Format
from flowlens.records.layouts import from_user

Way = tuple[str | int, ...]
"""The keys that lead to a value, and the numbers, from 0, of elements of arrays among them."""

LONGEST = timedelta(days=36_500)
"""A span that is counted back from now must not end before the calendar does."""

REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|cloudwatch:")
"""How an input begins that isn't in the file system."""

_AWS = re.compile(r"s3://[^/\s@:]+(/.*)?|cloudwatch:(?!arn:)[^:\s]+(:.*)?", re.DOTALL)
_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_OPTION = re.compile(r"\A--[a-z-]+( .*?)?: ")
_PLAIN = re.compile(r"[!#-~]{1,40}")
_INTERVALS = {"1d": timedelta(days=1), "1h": timedelta(hours=1)}
_WANTED = {
    str: "no text; put one in quotes",
    int: "no whole number",
    float: "no number; write one without quotes",
    bool: "neither true nor false, without quotes",
}


class Wrong(Exception):
    """A value that can't be meant. `faults` are clauses, each with the way from the value to it.

    `rest` is what can be meant of it, for whatever else there is to say; a list has None in place
    of what can't.
    """

    def __init__(self, *faults: str | tuple[Way, str], rest: object = None) -> None:
        super().__init__(*faults)
        self.rest = rest
        self.faults = [((), fault) if isinstance(fault, str) else fault for fault in faults]


@dataclass(frozen=True, slots=True)
class Convert:
    """Makes a value from TOML's and from the directory where relative paths go from."""

    make: Callable[[Any, Path], Any]


@dataclass(frozen=True, slots=True)
class Check:
    """A function of flowlens that a value must pass; the option's name in its error is left out."""

    test: Callable[[Any], object]


def convert(value: Any, hint: Any, base: Path) -> Any:
    """What a job holds for a value of its file, by the type of its key.

    Raises:
        Wrong: it can't be meant.
    """
    kind, marks = _unwrapped(hint)
    makers = [mark.make for mark in marks if isinstance(mark, Convert)]
    if makers:
        made = makers[0](value, base)
    elif get_origin(kind) is tuple:
        return _several(value, get_args(kind)[0], base, least=_about(hint, "min_length") or 0)
    else:
        made = _single(value, kind, hint)
    for mark in marks:
        if isinstance(mark, Check):
            try:
                mark.test(made)
            except (UsageError, ValueError) as error:
                raise Wrong(_OPTION.sub("", str(error), count=1)) from error
    return made


def example(hint: Any) -> str:
    """How a value that has to be there is written; an empty text for any other."""
    return str((_about(hint, "examples") or [""])[0])


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


def _unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without None and without what it is annotated with, and that."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is not Annotated:
        return hint, ()
    return hint.__origin__, hint.__metadata__


def _about(hint: Any, name: str) -> Any:
    """What a type's annotations say of something; None if they say nothing."""
    metas = (mark for mark in _unwrapped(hint)[1] if isinstance(mark, Meta))
    return next((found for meta in metas if (found := getattr(meta, name)) is not None), None)


def _several(value: Any, each: Any, base: Path, *, least: int) -> tuple[Any, ...]:
    """The elements of a list, each once; all that is wrong with them is told."""
    if not isinstance(value, list):
        plain = isinstance(value, str) and _PLAIN.fullmatch(value)
        raise Wrong(f'{shown(value)} is no list; write ["{value if plain else "…"}"]')
    if len(value) < least:
        raise Wrong("is an empty list; name at least one")
    made: list[Any] = []
    faults: list[tuple[Way, str]] = []
    for place, item in enumerate(value):
        try:
            one = convert(item, each, base)
            if one in made:
                raise Wrong(f"{shown(item)} stands there twice; once is enough")
            made.append(one)
        except Wrong as wrong:
            made.append(None)
            faults += [((place, *way), what) for way, what in wrong.faults]
    if faults:
        raise Wrong(*faults, rest=tuple(made))
    return tuple(made)


def _single(value: Any, kind: Any, hint: Any) -> Any:
    """A number, a text, true or false, or one of some texts."""
    extra = _about(hint, "extra") or {}
    choices = extra.get("among") or (
        get_args(kind) if get_origin(kind) is Literal
        else tuple(kind) if isinstance(kind, EnumMeta) else ()
    )  # fmt: skip
    if (kind is str or choices) and value != extra.get("empty"):
        _text(value)
    if choices and value not in choices:
        what = _about(hint, "title")
        raise Wrong(f"{shown(value)} is no {what}; {nearest(value, map(str, choices))}")
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        raise Wrong(_why(value, kind, hint)) from error


def _why(value: Any, kind: type, hint: Any) -> str:
    """Why `msgspec` doesn't take a value, in a clause."""
    if kind is str:
        name = "" if (_about(hint, "extra") or {}).get("hidden") else f"{shown(value)} "
        return f"{name}{_about(hint, 'title')}; {_about(hint, 'description')}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        return f"{shown(value)} is no finite number"
    if kind is int and isinstance(value, int) and number:
        least, most = _about(hint, "ge"), _about(hint, "le")
        return f"{shown(value)} is out of range; give {least:,} to {most:,}"
    return f"{shown(value)} is {_WANTED[kind]}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is {_WANTED[str]}")
    if not value.strip():
        raise Wrong("is blank; leave the key out, or give it a value")
    if "\0" in value:
        raise Wrong("holds a NUL; leave it out")
    return value


def _span(value: Any, base: Path) -> timedelta:
    """A span of time, such as `24h`; not nothing."""
    if not (found := _delay(value, base)):
        raise Wrong(f"{shown(value)} is no time at all; give more")
    return found


def _delay(value: Any, base: Path) -> timedelta:
    """A span of time that may be nothing."""
    found = parse_span(value) if isinstance(value, str) else None
    if found is None:
        raise Wrong(f'{shown(value)} is no span of time; write "90s", "30m", "24h" or "7d"')
    if found > LONGEST:
        raise Wrong(f"{shown(value)} is over 100 years; give less")
    return found


def _interval(value: Any, base: Path) -> timedelta:
    if not isinstance(value, str) or value not in _INTERVALS:
        raise Wrong('is neither a day nor an hour; write "1d" or "1h"')
    return _INTERVALS[value]


def _path(value: Any, base: Path) -> Path:
    """A path, made absolute; nothing needs to be there."""
    if _text(value).startswith("~"):
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


def _directory(value: Any, base: Path) -> Path:
    """The path of a directory that is there or can be made."""
    place = _path(value, base)
    if os.path.exists(place) and not os.path.isdir(place):
        raise Wrong(f"{shown(value)} is a file; name a directory")
    return place


def _input(value: Any, base: Path) -> str:
    """An input: an absolute path or glob, or a place on AWS; nothing needs to be there yet."""
    if _text(value) in _STDIN:
        raise Wrong(f"{shown(value)}: a run can't read standard input again; name files")
    if REMOTE.match(value):
        if not _AWS.fullmatch(value):
            # It isn't shown: a URL can hold a password.
            raise Wrong("is no place to read from; write s3://BUCKET/PREFIX or cloudwatch:GROUP")
        return str(value)
    place = _path(value, base)
    if os.path.lexists(place) or not glob.has_magic(value) or os.path.isabs(value):
        return str(place)
    return os.path.join(glob.escape(str(base)), value)


def _command(value: Any, base: Path) -> tuple[str, ...]:
    """A program and its arguments; a program's relative path goes from `base`, as all do."""
    if isinstance(value, str):
        raise Wrong('no shell runs commands here; write ["program", "argument"]')
    if not isinstance(value, list) or not value:
        _several(value, str, base, least=1)
    faults: list[tuple[Way, str]] = []
    for place, word in enumerate(value):
        try:
            convert(word, str if place == 0 else _Argument, base)
        except Wrong as wrong:
            faults += [((place,), what) for _, what in wrong.faults]
    if faults:
        raise Wrong(*faults)
    program, *arguments = value
    return (str(base / program) if os.sep in program else program, *arguments)


def _url(value: str) -> None:
    """See that a URL is http(s) without a password; it isn't shown, for it may be a secret."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise Wrong("is no http or https URL; write https://HOST/PATH")
    if "@" in parts.netloc:
        raise Wrong("holds a user's name or password; set the URL in the environment")


T = TypeVar("T")

Some = Annotated[tuple[T, ...], Meta(min_length=1)]
Name = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9][a-z0-9_-]{0,63}\Z",
        title="is no name",
        description="use up to 64 of a to z, 0 to 9, and, not first, _ and -",
    ),
]
Variable = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z_][A-Za-z0-9_]*\Z",
        title="is no name of an environment variable",
        description="write one as CHAT_WEBHOOK",
        extra={"hidden": True},
    ),
]
Topic = Annotated[
    str,
    Meta(
        pattern=r"\Aarn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}\Z",
        title="is no ARN of a standard topic",
        description="write arn:aws:sns:eu-west-1:123456789012:TOPIC",
    ),
]
Message = Annotated[
    str,
    Meta(
        pattern=r"\A([^{}]|\{\{|\}\}|\{[A-Za-z_][A-Za-z0-9_]*\})*\Z",
        title="has a brace that is no {column}",
        description="write {{ or }} for the brace itself",
        extra={"hidden": True},
    ),
]
_Argument = Annotated[str, Meta(extra={"empty": ""})]
Rows = Annotated[int, Meta(ge=0, le=1_000_000)]
Days = Annotated[int, Meta(ge=1, le=3_660)]
Limit = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Number = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Rate = Annotated[Number, Check(lambda rate: settings(Mode.ON, rate=rate))]
Budget = Annotated[Number, Check(lambda seconds: settings(Mode.ON, budget=seconds))]
Span = Annotated[timedelta, Convert(_span)]
Delay = Annotated[timedelta, Convert(_delay)]
Interval = Annotated[timedelta, Convert(_interval)]
Place = Annotated[Path, Convert(_path)]
Directory = Annotated[Path, Convert(_directory)]
AllowList = Annotated[Place, Check(lambda place: read_allowed([place]))]
NameList = Annotated[Place, Check(lambda place: Lists.load([place]))]
Input = Annotated[str, Convert(_input)]
Command = Annotated[tuple[str, ...], Convert(_command)]
Layout = Annotated[str, Check(from_user)]
Cidr = Annotated[str, Check(parse_cidr)]
Resolver = Annotated[str, Check(written)]
Url = Annotated[str, Check(_url)]
Endpoint = Annotated[Url, Check(lambda url: Access(endpoint_url=url))]
Region = Annotated[str, Check(lambda region: Access(region=region))]
Role = Annotated[str, Check(lambda role: Access(role_arn=role))]
Published = Annotated[Format, Meta(title="format")]
ReportFormat = Annotated[
    Format,
    Meta(
        title="format of the report",
        extra={"among": [f for f in Format if f in ("html", "json", "markdown", "table")]},
    ),
]
MailFormat = Annotated[Literal["text", "html"], Meta(title="format of the mail")]
Lookup = Annotated[Mode, Meta(title="mode")]
Summary = Annotated[Literal["totals", "ports", "enis"], Meta(title="summary")]
Tier = Annotated[
    Literal["scanner", "likely", "probe", "benign", "backscatter", "return"], Meta(title="tier")
]
"""As `answers.scanners.result` has them, which imports what is heavy; a test compares the two."""
