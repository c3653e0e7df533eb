"""Names for addresses, as a table: `flowlens.resolve` and `flowlens rdns`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from flowlens.headers import Column
from flowlens.rdns.answers import Answer
from flowlens.rdns.lookup import RATE, Listener, Lookup, Summary, lookup, settings
from flowlens.rdns.resolver import Resolver

if TYPE_CHECKING:
    import polars as pl

    from flowlens.output.preview import Preview

COLUMNS = (
    Column("address", "varchar", "", "the address as given"),
    Column("rdns_status", "varchar", "", "how asking for its name ended"),
    Column("name", "varchar", "", "its name; bytes that host names don't have as \\DDD"),
    Column("confirmation", "varchar", "", "what the name's own addresses say of it"),
    Column("operator", "varchar", "", "the registrable domain that the name stands in"),
    Column("brand", "varchar", "", "whose scanner it is, as far as that is proven"),
)


class Identity(Protocol):
    """Who is behind an address."""

    @property
    def operator(self) -> str | None:
        """The registrable domain."""

    @property
    def brand(self) -> str | None:
        """The scanner's brand."""


Identify = Callable[[Answer], Identity]


@dataclass(frozen=True, slots=True)
class Unidentified:
    """Nobody is known."""

    operator: str | None = None
    brand: str | None = None


def unidentified(_: Answer) -> Identity:
    """Nobody is known behind any answer."""
    return Unidentified()


@dataclass(slots=True)
class Names:
    """What was found out, that shows itself; `summary` says what was asked, of whom, and when."""

    _lookup: Lookup = field(repr=False)

    @property
    def summary(self) -> Summary:
        """What was asked, of whom, and when."""
        return self._lookup.summary

    def arrow(self) -> pa.Table:
        """A row for each address, as COLUMNS has it, in the order they were given."""
        return answers_table(self._lookup.answers.values())

    def polars(self) -> pl.DataFrame:
        """The same as a polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def __len__(self) -> int:
        return len(self._lookup.answers)

    def __repr__(self) -> str:
        from flowlens.output.table import table_text

        return table_text(self._preview(), width=None).rstrip("\n")

    def _repr_html_(self) -> str:
        from flowlens.output.html import html_table

        return html_table(self._preview(), COLUMNS)

    def _preview(self) -> Preview:
        from flowlens.output.preview import preview

        return preview(self.arrow().to_reader(), limit=None, total=None)


def resolve(
    addresses: Iterable[str],
    *,
    mode: str = "on",
    resolvers: Iterable[str] = (),
    private: Iterable[str] = (),
    rate: float = RATE,
    budget: float | None = None,
    limit: int | None = None,
    cache: str | Path | None = None,
    resolver: Resolver | None = None,
    listener: Listener | None = None,
) -> Names:
    """Ask for the names of addresses by reverse DNS, each once; the most important ones first.

    `mode` is on, cache (nobody is asked) or off. `resolvers` are `HOST[:PORT]`, none the system's;
    private addresses are asked about only of those in `private`. `rate` is in queries a second,
    `budget` in seconds, `limit` in addresses asked about. A `resolver` such as
    `flowlens.rdns.table.FromFile` answers in place of name servers.

    Raises:
        UsageError: a text is no address, an argument is wrong, or the system has no resolver.
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
    return Names(lookup(addresses, chosen, resolver=resolver, listener=listener))


def answers_table(answers: Iterable[Answer], *, identify: Identify = unidentified) -> pa.Table:
    """A row for each answer, as COLUMNS has it; order kept."""
    rows = [(answer, identify(answer)) for answer in answers]
    values: dict[str, list[str | None]] = {
        "address": [answer.address for answer, _ in rows],
        "rdns_status": [str(answer.status) for answer, _ in rows],
        "name": [answer.name for answer, _ in rows],
        "confirmation": [a.confirmation and str(a.confirmation) for a, _ in rows],
        "operator": [identity.operator for _, identity in rows],
        "brand": [identity.brand for _, identity in rows],
    }
    return pa.table({column.name: pa.array(values[column.name], pa.string()) for column in COLUMNS})
