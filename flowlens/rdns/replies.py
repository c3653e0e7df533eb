"""Replies: what a response's bytes mean.

dnspython reads names, numbers and lengths, with every check on them. Its whole messages hold much
that no verdict needs, and take thrice as long to make as all the rest of a query.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from socket import AF_INET, AF_INET6, inet_ntop

import dns.exception
import dns.name
import dns.rcode
import dns.wire
from dns.rdatatype import RdataType

from flowlens.rdns.answers import Status
from flowlens.rdns.questions import HEADER, Question, Reply

_CHAIN = 16
"""Aliases that are followed."""

_QUESTION = b"\xc0\x0c"
"""The pointer to the question's name, which nearly every record begins with."""

_FAILURES = {dns.rcode.REFUSED: Status.REFUSED}
"""Statuses of codes that are no verdict; the others are the server's failure."""

_Value = dns.name.Name | str | int | None
_Record = tuple[dns.name.Name, int, int, _Value]
"""Owner, type, TTL; and a name, the text of an address, or a SOA's own negative TTL."""


def read(wire: bytes, question: Question) -> Reply:
    """What a response to the question says; bytes that are no DNS message are malformed.

    Aliases are followed within the message (RFC 2317 has them in reverse zones). Without an SOA
    nothing is known of how long an absence holds, so not at all (RFC 2308, 5).
    """
    try:
        return _read(wire, question)
    except (dns.exception.DNSException, struct.error, IndexError):
        return Reply(Status.MALFORMED)


def _read(wire: bytes, question: Question) -> Reply:
    parser = dns.wire.Parser(wire)
    _, flags, _, *counts = parser.get_struct("!HHHHHH")
    parser.seek(HEADER + len(question.wire))
    answer, authority, additional = (
        [_record(parser, question) for _ in range(count)] for count in counts
    )
    if parser.remaining():
        raise dns.exception.FormError
    extended = next((ttl >> 24 for _, kind, ttl, _ in additional if kind == RdataType.OPT), 0)
    rcode = extended << 4 | flags & 0x0F
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Reply(_FAILURES.get(dns.rcode.Rcode(rcode), Status.SERVFAIL))
    name, records, ttl = _followed(answer, question)
    if not records:
        lives = [
            min(ttl, least)
            for owner, _, ttl, least in authority
            if isinstance(least, int) and name.is_subdomain(owner)
        ]
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
        if rdtype in (RdataType.PTR, RdataType.CNAME) and rdclass == 1:
            value = parser.get_name(decompress=True)
        elif rdtype in (RdataType.A, RdataType.AAAA) and rdclass == 1:
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
    found: dict[tuple[dns.name.Name, int], list[_Record]] = defaultdict(list)
    for record in answer:
        found[record[0], record[1]].append(record)
    name, ttls = question.name, [(1 << 31) - 1]
    for _ in range(_CHAIN):
        records = found.get((name, question.rdtype), [])
        aliases = found.get((name, RdataType.CNAME), [])
        ttls += [ttl for _, _, ttl, _ in records or aliases[:1]]
        values = (value for _, _, _, value in records)
        if records or not aliases:
            kept = dict.fromkeys(one for one in values if isinstance(one, (dns.name.Name, str)))
            return name, tuple(kept), min(ttls)
        target = aliases[0][3]
        assert isinstance(target, dns.name.Name)
        name = target
    raise dns.exception.FormError
