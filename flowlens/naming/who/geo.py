"""Country and network of an address, offline: the registries' country, or a user's own MMDB files.

Needs the extra `geo`: iptocc, which has the delegations of the five registries inside its wheel,
and maxminddb, which reads the files of MaxMind, DB-IP, IPinfo and others. The registry's country is
where a range was assigned, not where a machine stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowlens.core.cidrs import Address
from flowlens.core.errors import UsageError

if TYPE_CHECKING:
    import maxminddb

_COUNTRIES = (
    ("country", "iso_code"),
    ("country", "code"),
    ("country_code",),
    ("country",),
    ("registered_country", "iso_code"),
)
"""Where a country's code stands: GeoLite2 and DB-IP, IPLocate, IPinfo, IPinfo's older files."""

_NUMBERS = (("autonomous_system_number",), ("traits", "autonomous_system_number"), ("asn",))
_HOLDERS = (
    ("autonomous_system_organization",),
    ("traits", "autonomous_system_organization"),
    ("as_name",),
    ("name",),
    ("isp",),
    ("organization",),
    ("org",),
)
"""Where a network's number and holder stand: GeoLite2, DB-IP, Enterprise; IPinfo, IPLocate."""

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Country (ISO 3166-1 alpha-2) and network (`AS64500 Example Network`) of an address."""

    country: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True)
class _Database:
    path: Path
    reader: maxminddb.Reader
    versions: int

    def record(self, address: Address) -> Any:
        """What the file says of an address; None if it has no addresses of that version."""
        if address.version > self.versions:
            return None
        try:
            return self.reader.get(address)
        except (RuntimeError, ValueError, OSError) as error:
            raise UsageError(
                f"{self.path}: damaged, no answer for {address}; fetch it anew"
            ) from error


@dataclass(frozen=True, slots=True)
class Geo:
    """Where countries and networks are looked up: the user's databases first, then the registries.

    Made by `open`.
    """

    _registries: Callable[[str], str | None]
    _databases: tuple[_Database, ...]

    @classmethod
    def open(cls, *paths: Path | None) -> Geo:
        """The registries' countries, and any number of MMDB files; None is no file.

        Raises:
            UsageError: the extra isn't installed, or a file is no MMDB.
        """
        try:
            import iptocc
            import maxminddb
        except ImportError as error:
            raise UsageError(
                "country and network need more than was installed: pip install iptocc maxminddb"
            ) from error
        databases = []
        for path in filter(None, paths):
            try:
                reader = maxminddb.open_database(path)
                databases.append(_Database(path, reader, reader.metadata().ip_version))
            except OSError as error:
                raise UsageError(f"{path}: {error.strerror or error}; give an MMDB file") from error
            except (RuntimeError, ValueError, TypeError, KeyError) as error:
                raise UsageError(f"{path}: no MMDB file, or a damaged one") from error
        return cls(iptocc.country_code, tuple(databases))

    def place(self, address: Address) -> Place:
        """What the databases and the registries say of an address; the first that says it counts.

        Raises:
            UsageError: a database turns out to be damaged.
        """
        country = number = holder = None
        for database in self._databases:
            record = database.record(address)
            country = country or _country(record)
            number = number or _number(record)
            holder = holder or _first(record, _HOLDERS)
        network = " ".join(part for part in (number, holder) if part)
        return Place(country or self._registries(str(address)), network or None)


def _country(record: Any) -> str | None:
    for way in _COUNTRIES:
        code = _text(_found(record, way))
        if code and len(code) == 2 and code.isascii() and code.isalpha():
            return code.upper()
    return None


def _number(record: Any) -> str | None:
    """A network's number as `AS64500`, however a database writes it."""
    digits = (_first(record, _NUMBERS) or "").upper().removeprefix("AS")
    return f"AS{digits}" if digits.isdecimal() and digits.isascii() else None


def _first(record: Any, ways: tuple[tuple[str, ...], ...]) -> str | None:
    return next((text for way in ways if (text := _text(_found(record, way)))), None)


def _found(record: Any, way: tuple[str, ...]) -> Any:
    for key in way:
        record = record.get(key) if isinstance(record, Mapping) else None
    return record


def _text(value: Any) -> str | None:
    """A value as text of bounded length; what is neither text nor a number is None."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:_LONGEST].strip() or None
