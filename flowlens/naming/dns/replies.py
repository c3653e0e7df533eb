"""Replies: what a response's bytes mean.

dnspython reads names, numbers and lengths, with every check on them. Its whole messages hold much
that no verdict needs, and take thrice as long to make as all the rest of a query.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from socket import AF_INET, AF_INET6, inet_ntop

import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.wire
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.questions import HEADER, Question, Reply

_CHAIN = 16
"""Aliases that are followed."""

_QUESTION = b"\xc0\x0c"
"""The pointer to the question's name, which nearly every record begins with."""

_Value = dns.name.Name | str | int | None
_Record = tuple[dns.name.Name, int, int, _Value]
"""Owner, type, TTL; and a name, the text of an address, or a SOA's own negative TTL."""


def read(wire: bytes, question: Question) -> Reply:
    """What a response to the question says; bytes that are no DNS message are malformed.

    So is a truncated one, for what it lacks isn't known. Records of classes other than IN say
    nothing. Aliases are followed within the message (RFC 2317 has them in reverse zones). Without
    an SOA nothing is known of how long an absence holds, so not at all (RFC 2308, 5).
    """
    try:
        return _read(wire, question)
    except (dns.exception.DNSException, struct.error, IndexError):
        return Reply(Status.MALFORMED)


def _read(wire: bytes, question: Question) -> Reply:
    parser = dns.wire.Parser(wire)
    _, flags, _, *counts = parser.get_struct("!HHHHHH")
    if flags & dns.flags.TC:
        raise dns.exception.FormError
    parser.seek(HEADER + len(question.wire))
    answer, authority, additional = (
        [_record(parser, question) for _ in range(count)] for count in counts
    )
    if parser.remaining():
        raise dns.exception.FormError
    extended = next((ttl >> 24 for _, kind, ttl, _ in additional if kind == RdataType.OPT), 0)
    rcode = extended << 4 | flags & 0x0F
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Reply(Status.REFUSED if rcode == dns.rcode.REFUSED else Status.SERVFAIL)
    name, records, ttl = _followed(answer, question)
    if not records:
        lives = [
            min(ttl, least)
            for owner, _, ttl, least in authority
            if isinstance(least, int) and name.is_subdomain(owner)
        ]
        if rcode == dns.rcode.NOERROR and not lives and name != question.name:
            return Reply(Status.NODATA, (), ttl, alias=name)
        status = Status.NXDOMAIN if rcode == dns.rcode.NXDOMAIN else Status.NODATA
        return Reply(status, (), min([*lives, ttl]) if lives else 0)
    if rcode == dns.rcode.NXDOMAIN:
        raise dns.exception.FormError
    return Reply(Status.OK, records, ttl)


def _record(parser: dns.wire.Parser, question: Question) -> _Record:
    """The next record; its value is None where no verdict needs it."""
    if parser.wire[parser.current : parser.current + 2] == _QUESTION:
        parser.seek(parser.current + 2)
        owner = question.name
    else:
        owner = parser.get_name(decompress=True)
    rdtype, rdclass, ttl, length = parser.get_struct("!HHIH")
    value: _Value = None
    with parser.restrict_to(length):
        if rdclass != RdataClass.IN:
            parser.get_remaining()
        elif rdtype in (RdataType.PTR, RdataType.CNAME):
            value = parser.get_name(decompress=True)
        elif rdtype in (RdataType.A, RdataType.AAAA):
            size, family = (4, AF_INET) if rdtype == RdataType.A else (16, AF_INET6)
            value = inet_ntop(family, parser.get_bytes(size))
        elif rdtype == RdataType.SOA and length >= 4:
            value = int.from_bytes(parser.get_remaining()[-4:], "big")
        else:
            parser.get_remaining()
    if rdtype != RdataType.OPT and ttl >= 1 << 31:
        ttl = 0  # RFC 2181, 8
    return owner, rdtype, ttl, value


def _followed(
    answer: list[_Record], question: Question
) -> tuple[dns.name.Name, tuple[dns.name.Name | str, ...], int]:
    """The name at the end of the aliases, its records, and how long all of that holds."""
    if len(answer) == 1:
        # The usual case, without names as keys: to hash one takes long.
        ((owner, rdtype, ttl, value),) = answer
        its = owner is question.name and rdtype == question.rdtype
        if its and isinstance(value, (dns.name.Name, str)):
            return owner, (value,), ttl
    records: dict[dns.name.Name, dict[dns.name.Name | str, int]] = defaultdict(dict)
    aliases: dict[dns.name.Name, tuple[dns.name.Name, int]] = {}
    for owner, rdtype, ttl, value in answer:
        if rdtype == question.rdtype and isinstance(value, (dns.name.Name, str)):
            its_own = records[owner]
            its_own[value] = min(ttl, its_own.get(value, ttl))
        elif rdtype == RdataType.CNAME and isinstance(value, dns.name.Name):
            aliases.setdefault(owner, (value, ttl))
    name, holds = question.name, (1 << 31) - 1
    for _ in range(_CHAIN):
        if name in records:
            return name, tuple(records[name]), min(holds, *records[name].values())
        if name not in aliases:
            return name, (), holds
        name, ttl = aliases[name]
        holds = min(holds, ttl)
    raise dns.exception.FormError
