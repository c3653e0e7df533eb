"""Questions, their wire form, and which messages answer them."""

from __future__ import annotations

import struct
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv4Address, IPv6Address

import dns.message
import dns.name
import dns.rcode
import dns.reversename
from dns.rdatatype import RdataType

from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.names import shown
from flowlens.naming.who.names import operator, plain

PAYLOAD = 1232
"""Bytes of an answer over UDP, at most: what passes without fragments (DNS flag day 2020)."""

HEADER = 12
"""Bytes of a message before its question."""

_TRUNCATED = 0x02
_RESPONSE_AND_OPCODE = 0xF8
_RESPONSE = 0x80


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A name and a type to ask for; each is asked for its own sake, so none equals another.

    `zone` is what a dead server takes down together, and of which at most `at_once` are asked at a
    time. A `private` one goes to the resolvers that were named for private addresses.
    """

    name: dns.name.Name
    rdtype: RdataType
    zone: Hashable
    at_once: int
    private: bool
    wire: bytes
    """The question section."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a question ended. `records` are names or the text of addresses, `ttl` is in seconds.

    Where there are no records, `ttl` is how long that holds, by the zone's SOA (RFC 2308). An
    `alias` is where the answer leads to without saying what is there; `ttl` is then how long it
    leads there. An `unfinished` time-out is one of a run that ended first.
    """

    status: Status
    records: tuple[dns.name.Name | str, ...] = ()
    ttl: int = 0
    alias: dns.name.Name | None = None
    unfinished: bool = False


REVERSE_AT_ONCE = 2
FORWARD_AT_ONCE = 16


def reverse(address: IPv4Address | IPv6Address, *, private: bool = False) -> Question:
    """The question for an address's name; its zone is the /24, or the /48 of IPv6.

    >>> reverse(IPv4Address("192.0.2.7")).name.to_text()
    '7.2.0.192.in-addr.arpa.'
    """
    zone = address.packed[: 3 if address.version == 4 else 6]
    name = dns.reversename.from_address(str(address))
    wire = _section(name, RdataType.PTR)
    return Question(name, RdataType.PTR, zone, REVERSE_AT_ONCE, private, wire)


def forward(name: dns.name.Name, *, version: int, private: bool = False) -> Question:
    """The question for a name's addresses of one family; its zone is its registrable domain.

    >>> forward(dns.name.from_text("a.b.example.co.uk"), version=4).zone
    ('example.co.uk', False)
    """
    rdtype = RdataType.A if version == 4 else RdataType.AAAA
    text = plain(shown(name))
    zone = (operator(text) or text, private)
    return Question(name, rdtype, zone, FORWARD_AT_ONCE, private, _section(name, rdtype))


def renamed(question: Question, name: dns.name.Name) -> Question:
    """The same question for another name, which an alias leads to."""
    return replace(question, name=name, wire=_section(name, question.rdtype))


def _section(name: dns.name.Name, rdtype: RdataType) -> bytes:
    wire = name.to_wire()
    assert wire is not None
    return wire + struct.pack("!HH", rdtype, 1)


def message(identity: int, question: bytes, *, edns: bool = True) -> bytes:
    """A query with recursion desired; `question` is the section's wire form.

    dnspython encodes one query for all, into which id and question are put: they alone differ,
    and making each anew takes thirty times as long.
    """
    flags, end = _frame(edns)
    return identity.to_bytes(2, "big") + flags + question + end


@cache
def _frame(edns: bool) -> tuple[bytes, bytes]:
    """What stands between the id and the question of every query, and behind the question."""
    query = dns.message.make_query(dns.name.root, RdataType.PTR, use_edns=0 if edns else None)
    query.request_payload = PAYLOAD
    if edns:
        query.use_edns(0, payload=PAYLOAD)
    wire = query.to_wire()
    return wire[2:HEADER], wire[HEADER + 5 :]


def answers(wire: bytes, question: bytes) -> bool:
    """Whether a message is a response to the question; names are compared without case.

    The length octets of labels are below the letters, so the whole section can be lowered. A
    response that doesn't repeat the question isn't taken: id and port alone can be guessed.
    """
    return (
        wire[2:3] != b""
        and wire[2] & _RESPONSE_AND_OPCODE == _RESPONSE
        and wire[4:6] == b"\x00\x01"
        and wire[HEADER : HEADER + len(question)].lower() == question.lower()
    )


def is_truncated(wire: bytes) -> bool:
    """Whether the answer is to be asked for over TCP."""
    return bool(wire[2] & _TRUNCATED)


def is_format_error(wire: bytes) -> bool:
    """Whether the server didn't understand the query: it may not know EDNS (RFC 6891, 7)."""
    return wire[3] & 0x0F == dns.rcode.FORMERR
