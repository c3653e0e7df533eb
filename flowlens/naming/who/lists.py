"""Lists of networks and of name suffixes: declared scanners as shipped, and the user's own.

A list is CSV with a header; `#` begins a comment line. Each row has a `cidr` or a `suffix`, and a
`tag` (what the user calls it), a `brand` (who it is) or both; `kind`, `url`, `source`, `date` and
`reason` may be there. The shipped list, `data/scanners.csv`, is one of them.

    suffix,tag,brand,kind,source,date
    scan.example.org,partner,Example,research,contract,2026-11-01
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

from flowlens.core.cidrs import Address, Cidrs, Network, parse_cidr
from flowlens.core.errors import nearest
from flowlens.core.listfile import bad, lines, shortened
from flowlens.naming.who.names import endings, plain

_SUFFIX = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+$)[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row of a list says of a network or a suffix; empty is None."""

    brand: str | None = None
    tag: str | None = None
    kind: str | None = None
    url: str | None = None
    source: str | None = None
    date: str | None = None
    reason: str | None = None


_KEYS = ("cidr", "suffix")
_COLUMNS = (*_KEYS, *(field.name for field in fields(Entry)))


class Lists:
    """What is known of networks and of suffixes. The longest match comes first; of equals the row
    read first, and the user's rows before the shipped ones.
    """

    def __init__(self, rows: Iterable[tuple[Network | str, Entry]] = ()) -> None:
        networks: list[tuple[Network, Entry]] = []
        self._suffixes: dict[str, list[Entry]] = {}
        for key, entry in rows:
            if isinstance(key, str):
                self._suffixes.setdefault(key, []).append(entry)
            else:
                networks.append((key, entry))
        self._networks = Cidrs(networks)
        self._labels = max((key.count(".") + 1 for key in self._suffixes), default=0)

    @classmethod
    def shipped(cls) -> Lists:
        """The declared scanners that flowlens knows, without anything of the user's."""
        return cls.load(())

    @classmethod
    def load(cls, paths: Iterable[Path]) -> Lists:
        """The user's lists together with the shipped one.

        Raises:
            UsageError: a file can't be read, or a line of it can't be meant; it names the line.
        """
        rows = [row for path in paths for row in _read(path)]
        with as_file(files("flowlens").joinpath("data/scanners.csv")) as shipped:
            return cls([*rows, *_read(shipped)])

    def by_address(self, address: Address) -> list[Entry]:
        """What the lists say of an address by its networks, the longest prefix first."""
        return self._networks.holding(address)

    def by_name(self, name: str) -> list[Entry]:
        """What the lists say of a plain name by its endings at a dot, the longest first."""
        found: list[Entry] = []
        for ending in endings(name, self._labels):
            found += self._suffixes.get(ending, ())
        return found


def _read(path: Path) -> Iterator[tuple[Network | str, Entry]]:
    """The rows of a list; a file without a line has none."""
    header: list[str] = []
    for number, line in lines(path):
        cells = _cells(path, number, line)
        if not header:
            header = [name.lower() for name in cells]
            _check_header(path, number, header)
            continue
        if len(cells) != len(header):
            raise bad(path, number, f"{len(cells)} values where the header has {len(header)}")
        try:
            yield _row(dict(zip(header, cells, strict=True)))
        except ValueError as error:
            raise bad(path, number, str(error)) from error


def _cells(path: Path, number: int, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise bad(
            path, number, f"no CSV ({error}); a value may not go over several lines"
        ) from error


def _check_header(path: Path, number: int, header: list[str]) -> None:
    for name in header:
        if name not in _COLUMNS:
            raise bad(
                path, number, f"no column {shortened(name)} in a list; {nearest(name, _COLUMNS)}"
            )
    if len(set(header)) < len(header):
        raise bad(path, number, "a column stands twice in the header")
    if not {*_KEYS} & {*header} or not {"tag", "brand"} & {*header}:
        raise bad(
            path,
            number,
            "a list's header has cidr or suffix, and tag or brand; such as cidr,tag,source,date",
        )


def _row(cells: Mapping[str, str]) -> tuple[Network | str, Entry]:
    """A row's key and what it says; a ValueError's text is the clause that says what is wrong."""
    cidr, suffix = (cells.get(key, "") for key in _KEYS)
    entry = Entry(**{name: value or None for name, value in cells.items() if name not in _KEYS})
    if bool(cidr) == bool(suffix):
        raise ValueError("a row has a cidr or a suffix, and not both")
    if not (entry.tag or entry.brand):
        raise ValueError("neither a tag nor a brand; the row says nothing")
    if entry.date:
        _check_date(entry.date)
    if entry.url and not entry.url.startswith(("https://", "http://")):
        raise ValueError(f"url {shortened(entry.url)}; write https://…")
    return (parse_cidr(cidr) if cidr else _parse_suffix(suffix)), entry


def _check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"date {shortened(text)}; write 2026-11-23") from error


def _parse_suffix(text: str) -> str:
    """A suffix as names are compared; a leading `*.` or `.` is the same suffix."""
    suffix = plain(text.removeprefix("*").removeprefix("."))
    if not _SUFFIX.fullmatch(suffix):
        raise ValueError(
            f"suffix {shortened(text)} is no ending of a host name; write example.org, other "
            "letters as xn--…"
        )
    return suffix
