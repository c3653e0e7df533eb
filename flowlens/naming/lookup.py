"""Names for addresses, and who is behind them: `flowlens.resolve`, `flowlens rdns`, `--rdns`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from flowlens.core.cidrs import Address
from flowlens.core.errors import UsageError
from flowlens.naming.dns.addresses import value
from flowlens.naming.dns.answers import Answer
from flowlens.naming.dns.settings import RATE, Listener, Settings, settings
from flowlens.naming.who import Geo, Identity, Lists, identify
from flowlens.pipeline.result import Shown
from flowlens.sql.queryfile import Column

if TYPE_CHECKING:
    from flowlens.naming.dns.lookup import Lookup, Summary
    from flowlens.naming.dns.resolver import Resolver

BUDGET = 60.0
"""Seconds that asking for names may take where it isn't the purpose."""

NAMED = (
    Column("rdns_status", "varchar", "", "how asking for its name ended"),
    Column("name", "varchar", "", "its name; bytes that host names don't have as \\DDD"),
    Column("confirmation", "varchar", "", "what the name's own addresses say of it"),
    Column("operator", "varchar", "", "the registrable domain that the name stands in"),
    Column("brand", "varchar", "", "whose scanner it is, as far as that is proven"),
    Column("claims", "varchar", "", "whose scanner an unconfirmed name claims to be"),
    Column("kind", "varchar", "", "what kind of scanner the brand is"),
    Column("generic", "boolean", "", "whether the name only holds the address's own digits"),
    Column("bogus", "boolean", "", "whether the name can't be one of the public DNS"),
    Column("unicode", "varchar", "", "what a punycode name stands for, where that deceives nobody"),
    Column("tags", "varchar", "", "what the user's own lists say"),
    Column("country", "varchar", "", "the registries' country, with the extra geo"),
    Column("network", "varchar", "", "number and holder of the network, from an MMDB file"),
)
"""What is said of an address."""

_TYPES = {"varchar": pa.string(), "boolean": pa.bool_()}

COLUMNS = (Column("address", "varchar", "", "the address, written as it was given"), *NAMED)


@dataclass(frozen=True, slots=True)
class Naming:
    """How names are found out, and by which lists and places they are judged."""

    settings: Settings
    lists: Lists = field(default_factory=Lists.shipped)
    geo: Geo | None = None
    resolver: Resolver | None = None
    listener: Listener | None = None

    def look_up(self, addresses: Iterable[str | Address]) -> Named:
        """Find out the names of addresses, the most important first.

        Raises:
            UsageError: one is no address, a server can't be, or the system has none.
        """
        from flowlens.naming.dns.lookup import lookup

        found = lookup(addresses, self.settings, resolver=self.resolver, listener=self.listener)
        return Named(found, {a: self._who(answer) for a, answer in found.answers.items()})

    def _who(self, answer: Answer) -> Identity:
        address = value(answer.address)
        return identify(address, answer.name, answer.confirmation, self.lists, self.geo)


@dataclass(frozen=True, slots=True)
class Named:
    """What was found out: the lookup, and who is behind each address."""

    lookup: Lookup
    who: Mapping[str, Identity]

    @property
    def summary(self) -> Summary:
        """What was asked, of whom, and when."""
        return self.lookup.summary

    def columns(self, addresses: Iterable[str | None]) -> dict[str, pa.Array]:
        """The columns NAMED for these addresses, in their order; null for those not looked up."""
        nobody = Identity()
        rows = [
            (self.lookup.answers.get(a or ""), self.who.get(a or "", nobody)) for a in addresses
        ]
        values: dict[str, list[str | bool | None]] = {
            "rdns_status": [answer and str(answer.status) for answer, _ in rows],
            "name": [answer and answer.name for answer, _ in rows],
            "confirmation": [
                answer and answer.confirmation and str(answer.confirmation) for answer, _ in rows
            ],
            "operator": [who.operator for _, who in rows],
            "brand": [who.brand for _, who in rows],
            "claims": [who.claims for _, who in rows],
            "kind": [who.kind for _, who in rows],
            "generic": [who.generic if who.name is not None else None for _, who in rows],
            "bogus": [who.bogus if who.name is not None else None for _, who in rows],
            "unicode": [who.unicode for _, who in rows],
            "tags": [", ".join(tag.tag for tag in who.tags) or None for _, who in rows],
            "country": [who.country for _, who in rows],
            "network": [who.network for _, who in rows],
        }
        return {column.name: pa.array(values[column.name], _TYPES[column.type]) for column in NAMED}


@dataclass(slots=True, repr=False)
class Names(Shown):
    """What was found out, a row for each address in the order they were given."""

    named: Named = field(repr=False)

    @property
    def summary(self) -> Summary:
        """What was asked, of whom, and when."""
        return self.named.summary

    def arrow(self) -> pa.Table:
        """The table as Arrow, with the columns of COLUMNS."""
        return names_table(self.named)


def naming(
    mode: str = "on",
    *,
    resolvers: Iterable[str] = (),
    private: Iterable[str] = (),
    rate: float = RATE,
    budget: float | None = None,
    limit: int | None = None,
    cache: str | Path | None = None,
    lists: Iterable[str | Path] = (),
    geo: Geo | None = None,
    resolver: Resolver | None = None,
    listener: Listener | None = None,
) -> Naming:
    """How to find out names, for `rdns` of `Flows.scanners` and `Flows.report`.

    `mode` is on, cache (nobody is asked) or off. `resolvers` are `HOST[:PORT]`, none the system's;
    private addresses are asked about only of those in `private`. `rate` is in queries a second,
    `budget` in seconds, `limit` in addresses asked about. `lists` are files of the user's own on
    who is who, `geo` tells country and network. A `resolver` such as
    `flowlens.naming.dns.table.FromFile` answers in place of name servers.

    Raises:
        UsageError: there is no such mode, a number is out of its range, or a list is wrong.
    """
    chosen = settings(
        mode,
        resolvers=resolvers,
        private=private,
        rate=rate,
        budget=budget,
        limit=limit,
        cache=cache,
    )
    return Naming(chosen, Lists.load(map(Path, lists)), geo, resolver, listener)


def wanted(rdns: str | Naming | None) -> Naming | None:
    """How to find out names beside an answer: by mode, within a minute; None where that is off."""
    if isinstance(rdns, str):
        return None if rdns == "off" else naming(rdns, budget=BUDGET)
    return rdns


def resolve(
    addresses: str | Address | Iterable[str | Address],
    *,
    mode: str = "on",
    resolvers: Iterable[str] = (),
    private: Iterable[str] = (),
    rate: float = RATE,
    budget: float | None = None,
    limit: int | None = None,
    cache: str | Path | None = None,
    lists: Iterable[str | Path] = (),
    geo: Geo | None = None,
    resolver: Resolver | None = None,
    listener: Listener | None = None,
) -> Names:
    """Ask for the names of addresses by reverse DNS, each once; the most important ones first.

    They are texts or objects of the module `ipaddress`; what the other arguments mean is told by
    `flowlens.naming.lookup.naming`.

    Raises:
        UsageError: one is no address, an argument is wrong, or the system has no resolver.
    """
    how = naming(
        mode,
        resolvers=resolvers,
        private=private,
        rate=rate,
        budget=budget,
        limit=limit,
        cache=cache,
        lists=lists,
        geo=geo,
        resolver=resolver,
        listener=listener,
    )
    if isinstance(addresses, str | Address):
        addresses = [addresses]
    elif not isinstance(addresses, Iterable):
        raise UsageError(f"{addresses!r} instead of addresses; give a list of them")
    return Names("names", COLUMNS, how.look_up(addresses))


def names_table(named: Named) -> pa.Table:
    """A row for each address, as COLUMNS has it; order kept."""
    addresses = list(named.lookup.answers)
    return pa.table({"address": pa.array(addresses, pa.string()), **named.columns(addresses)})
