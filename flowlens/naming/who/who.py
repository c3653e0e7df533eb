"""Who is behind an address, judged from the address, its PTR name and the name's confirmation.

A PTR record is written by whoever holds the address and can claim to be anyone. Only a name that
leads back to the address (`confirmed`), or a list that holds the address, earns a brand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from flowlens.core.cidrs import Address
from flowlens.naming.who import names
from flowlens.naming.who.generic import holds_address
from flowlens.naming.who.geo import Geo, Place
from flowlens.naming.who.lists import Entry, Lists

CONFIRMED = "confirmed"
CONTRADICTED = "contradicted"

_LONGEST = 60
_UNKNOWN = Entry()
_NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Tag:
    """What a list of the user's own says of an address."""

    tag: str
    source: str | None = None
    date: str | None = None
    reason: str | None = None


class Identity(NamedTuple):
    """Who is behind an address, as far as it can be told; a tuple, for these are made by the
    hundred thousand.

    `operator` is the name's registrable domain, None for a bogus name and without one. A `generic`
    name holds the address's own digits and says nothing; a `bogus` one can't be of the public DNS.
    `unicode` is what a `punycode` name stands for, if that can be shown safely. `brand`, with
    `kind` and `url`, is proven; `claims` is what an unconfirmed name claims to be. `country` and
    `network` need a `Geo`.
    """

    name: str | None = None
    confirmation: str | None = None
    operator: str | None = None
    generic: bool = False
    bogus: bool = False
    punycode: bool = False
    unicode: str | None = None
    brand: str | None = None
    claims: str | None = None
    kind: str | None = None
    url: str | None = None
    tags: tuple[Tag, ...] = ()
    country: str | None = None
    network: str | None = None


def identify(
    address: str | Address,
    name: str | None,
    confirmation: str | None,
    lists: Lists,
    geo: Geo | None = None,
) -> Identity:
    """Who is behind an address.

    `name` is presentation text, None where there is none; `confirmation` is `confirmed`,
    `contradicted`, `unconfirmed` or None. What is no address has a name at most.

    Raises:
        UsageError: a database of `geo` is damaged.

    >>> who = identify("192.0.2.1", "a.census.shodan.io", "unconfirmed", Lists.shipped())
    >>> who.brand, who.claims, who.operator
    (None, 'Shodan', 'shodan.io')
    """
    number = _address(address) if isinstance(address, str) else address
    plain = names.plain(name) if name is not None else ""
    bogus = name is not None and names.is_bogus(plain)
    operator = names.operator(plain) if plain and not bogus else None
    punycode = names.has_punycode(plain)
    proven = lists.by_address(number) if number is not None else []
    claimed = lists.by_name(plain)
    if confirmation == CONFIRMED:
        # The name is the one host's; a network on a list may be a whole provider's.
        proven, claimed = [*claimed, *proven], []
    known = next((entry for entry in proven if entry.brand), _UNKNOWN) if proven else _UNKNOWN
    claims = (claimed[0].brand or claimed[0].tag) if claimed else None
    place = geo.place(number) if geo and number is not None else _NOWHERE
    return Identity(
        name=name,
        confirmation=confirmation,
        operator=operator,
        generic=number is not None and holds_address(_own_part(plain, operator), number),
        bogus=bogus,
        punycode=punycode,
        unicode=names.unicode(plain) if punycode and not bogus else None,
        brand=known.brand,
        claims=claims if claims != known.brand else None,
        kind=known.kind,
        url=known.url,
        tags=_tags(proven) if proven else (),
        country=place.country,
        network=place.network,
    )


def _tags(entries: Sequence[Entry]) -> tuple[Tag, ...]:
    return tuple(Tag(one.tag, one.source, one.date, one.reason) for one in entries if one.tag)


def describe(identity: Identity) -> str:
    """One short phrase for a screen; it is presentation text and the user's own, not yet escaped.

    `✓` stands before what is proven, `?` before a name that nothing stands behind or that says
    nothing. The end of a long name is shown, for there stands whose it is.

    >>> describe(Identity(name="77.static.example.net", generic=True))
    '? 77.static.example.net'
    >>> describe(Identity(name="a.census.shodan.io", claims="Shodan"))
    'claims to be Shodan'
    """
    notes = "".join(f" [{tag.tag}]" for tag in identity.tags)
    return (_who(identity) + notes).strip()


def _who(identity: Identity) -> str:
    if identity.claims and not identity.brand:
        denied = ", contradicted" if identity.confirmation == CONTRADICTED else ""
        return f"claims to be {identity.claims}{denied}"
    confirmed = identity.confirmation == CONFIRMED
    if identity.brand and (identity.generic or not confirmed):
        return f"✓ {identity.brand}"
    if not identity.name:
        return ", ".join(part for part in (identity.network, identity.country) if part)
    sign = "✓" if confirmed and not identity.bogus and not identity.generic else "?"
    shown = _ending(identity.name)
    return (
        f"{sign} {shown} ({_ending(identity.unicode)})" if identity.unicode else f"{sign} {shown}"
    )


def _ending(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"


def _own_part(name: str, operator: str | None) -> str:
    """What stands left of the registrable domain, which the operator chose; or all of it."""
    return name.removesuffix(operator).removesuffix(".") if operator else name


def _address(text: str) -> Address | None:
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None
