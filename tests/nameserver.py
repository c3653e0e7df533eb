"""A name server on loopback that answers from a table, and misbehaves where the table says so.

    python tests/nameserver.py --zone FILE.tsv --port 5353

A row is `address<TAB>name`, or `name<TAB>address` where a name is not to have the addresses that
have it as theirs; a third column says how the answer goes wrong, as one of `HOWS`. It prints its
address when it answers, and ends with its standard input or on Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import random
import selectors
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset
from dns.rdtypes.ANY.PTR import PTR

TTL = 7200
NEGATIVE_TTL = 1800
SOA = dns.rrset.from_text(
    ".", 3600, "IN", "SOA", f"ns.example. root.example. 1 2 3 4 {NEGATIVE_TTL}"
)
LATE = 0.3
"""Seconds by which a late answer is late."""


@dataclass(slots=True)
class Zone:
    """What is served: records by name and type, and how a name's answers go wrong."""

    records: dict[tuple[dns.name.Name, int], list[dns.rdata.Rdata]] = field(
        default_factory=lambda: defaultdict(list)
    )
    hows: dict[dns.name.Name, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[tuple[str | dns.name.Name, ...]]) -> Self:
        """The zone of rows; see the module. A name may be one already, with any bytes in it."""
        zone = cls()
        forward: dict[tuple[dns.name.Name, int], list[dns.rdata.Rdata]] = defaultdict(list)
        for first, second, *how in rows:
            if is_address(first):
                owner, target = dns.reversename.from_address(str(first)), name_of(second)
                pointer = PTR(dns.rdataclass.IN, dns.rdatatype.PTR, target)
                zone.records[owner, dns.rdatatype.PTR].append(pointer)
                forward[target, address_type(str(first))].append(address_record(str(first)))
            else:
                owner = name_of(first)
                record = address_record(str(second))
                zone.records[owner, record.rdtype].append(record)
            if how:
                zone.hows[owner] = str(how[0])
        named = {name for name, _ in zone.records}
        for (name, rdtype), records in forward.items():
            if name not in named:
                zone.records[name, rdtype] = records
        return zone

    @classmethod
    def read(cls, path: Path) -> Self:
        """The zone of a file of rows; a row without an address is a header."""
        rows = (tuple(line.split("\t")) for line in path.read_text().splitlines())
        return cls.of(row for row in rows if is_address(row[0]) or is_address(row[1]))

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The honest answer."""
        (question,) = query.question
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        found = self.records.get((question.name, question.rdtype))
        if found:
            rrset = dns.rrset.from_rdata_list(question.name, TTL, found)
            response.answer.append(rrset)
        else:
            types = (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.PTR)
            if not any((question.name, rdtype) in self.records for rdtype in types):
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(SOA)
        return response


def is_address(text: object) -> bool:
    try:
        ip_address(str(text))
    except ValueError:
        return False
    return True


def name_of(name: str | dns.name.Name) -> dns.name.Name:
    return name if isinstance(name, dns.name.Name) else dns.name.from_text(name)


def address_type(address: str) -> dns.rdatatype.RdataType:
    return dns.rdatatype.A if ip_address(address).version == 4 else dns.rdatatype.AAAA


def address_record(address: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(dns.rdataclass.IN, address_type(address), address)


@dataclass(slots=True)
class Call:
    """One query: what it is, the answer that honesty would give, and how often it was asked."""

    query: dns.message.Message
    answer: dns.message.Message
    tcp: bool
    times: int

    @property
    def name(self) -> dns.name.Name:
        return self.query.question[0].name

    def failed(self, rcode: dns.rcode.Rcode) -> bytes:
        response = dns.message.make_response(self.query)
        response.set_rcode(rcode)
        return response.to_wire()

    def honest(self) -> bytes:
        """The answer; cut as its sender asked for where it has no room in a datagram."""
        wire = self.answer.to_wire(max_size=65535)
        return wire if self.tcp or len(wire) <= 1232 else self.truncated()

    def truncated(self) -> bytes:
        if self.tcp:
            return self.answer.to_wire(max_size=65535)
        return self.truncated_always()

    def with_wrong_id(self) -> bytes:
        wire = self.answer.to_wire()
        return bytes([wire[0] ^ 1]) + wire[1:]

    def truncated_always(self) -> bytes:
        response = dns.message.make_response(self.query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    def with_alias_of_another_class(self) -> bytes:
        response = dns.message.make_response(self.query)
        response.answer.append(dns.rrset.from_text(self.name, TTL, "CH", "CNAME", "lie.example."))
        return response.to_wire()

    def with_wrong_question(self) -> bytes:
        other = dns.message.make_query("other.example.", "PTR", id=self.query.id)
        response = dns.message.make_response(other)
        response.answer.append(dns.rrset.from_text("other.example.", TTL, "IN", "PTR", "lie."))
        return response.to_wire()

    def lie(self) -> bytes:
        response = dns.message.make_response(self.query)
        response.answer.append(dns.rrset.from_text(self.name, TTL, "IN", "PTR", "lie.example."))
        return response.to_wire()

    def raw(self, rdata: bytes) -> bytes:
        """An answer whose only record has these bytes for data."""
        wire = dns.message.make_response(self.query).to_wire()
        end = 12 + len(self.name.to_wire()) + 4
        head = wire[:6] + b"\x00\x01\x00\x00\x00\x00"
        record = b"\xc0\x0c\x00\x0c\x00\x01\x00\x00\x0e\x10" + len(rdata).to_bytes(2, "big")
        return head + wire[12:end] + record + rdata

    def loop(self) -> bytes:
        """A name whose compression points at itself."""
        place = 12 + len(self.name.to_wire()) + 4 + 12
        return self.raw((0xC000 | place).to_bytes(2, "big"))

    def through_alias(self) -> bytes:
        """The record below another name, as RFC 2317 has it."""
        response = dns.message.make_response(self.query)
        alias = dns.name.from_text("7.0-63", self.name.parent())
        response.answer.append(dns.rrset.from_text(self.name, TTL, "IN", "CNAME", str(alias)))
        (honest,) = self.answer.answer
        response.answer.append(dns.rrset.from_rdata_list(alias, TTL, list(honest)))
        return response.to_wire()

    def alias_alone(self) -> bytes:
        """The other name, and not a word on what is there."""
        response = dns.message.make_response(self.query)
        alias = dns.name.from_text("7.0-63", self.name.parent())
        response.answer.append(dns.rrset.from_text(self.name, TTL, "IN", "CNAME", str(alias)))
        return response.to_wire()


@dataclass(frozen=True, slots=True)
class Out:
    """What goes out: bytes, after a while, perhaps from another port than the server's.

    By TCP, no bytes at all leave the connection open.
    """

    wire: bytes
    delay: float = 0.0
    elsewhere: bool = False


def _flawed(wire: Callable[[Call], bytes]) -> Callable[[Call], list[Out]]:
    return lambda call: [Out(wire(call))]


def _once(first: Callable[[Call], bytes]) -> Callable[[Call], list[Out]]:
    return lambda call: [Out(first(call) if call.times == 1 else call.honest())]


HOWS: dict[str, Callable[[Call], list[Out]]] = {
    "": _flawed(Call.honest),
    "servfail": _flawed(lambda call: call.failed(dns.rcode.SERVFAIL)),
    "servfail_once": _once(lambda call: call.failed(dns.rcode.SERVFAIL)),
    "refused": _flawed(lambda call: call.failed(dns.rcode.REFUSED)),
    "notimp": _flawed(lambda call: call.failed(dns.rcode.NOTIMP)),
    "no_edns": _flawed(
        lambda call: call.honest() if call.query.edns < 0 else call.failed(dns.rcode.FORMERR)
    ),
    "drop": lambda call: [],
    "drop_once": lambda call: [] if call.times == 1 else [Out(call.honest())],
    "late": lambda call: [Out(call.honest(), delay=LATE)],
    "very_late": lambda call: [Out(call.honest(), delay=10 * LATE)],
    "twice": lambda call: [Out(call.honest()), Out(call.honest())],
    "truncated": _flawed(Call.truncated),
    "truncated_dead": lambda call: [] if call.tcp else [Out(call.truncated())],
    "truncated_hangs": lambda call: [Out(b"" if call.tcp else call.truncated())],
    "truncated_always": _flawed(Call.truncated_always),
    "truncated_wrong_id": _flawed(
        lambda call: call.with_wrong_id() if call.tcp else call.truncated()
    ),
    "other_class": _flawed(Call.with_alias_of_another_class),
    "wrong_id": _flawed(Call.with_wrong_id),
    "wrong_id_first": lambda call: [Out(call.with_wrong_id()), Out(call.honest())],
    "wrong_question": _flawed(Call.with_wrong_question),
    "wrong_question_first": lambda call: [Out(call.with_wrong_question()), Out(call.honest())],
    "other_source": lambda call: [Out(call.lie(), elsewhere=True)],
    "other_source_first": lambda call: [Out(call.lie(), elsewhere=True), Out(call.honest())],
    "loop": _flawed(Call.loop),
    "short": _flawed(lambda call: call.raw(b"\x03ab")),
    "long_label": _flawed(lambda call: call.raw(b"\x80" + b"a" * 128 + b"\x00")),
    "alias": _flawed(Call.through_alias),
    "alias_alone": _flawed(Call.alias_alone),
    "noise": _flawed(lambda call: call.honest()[:12] + bytes(range(256))),
}
"""How an answer goes wrong."""


class NameServer:
    """Serves a zone by UDP and TCP, from a thread of its own within `with`.

    `loss` is the share of queries that get no answer, `most` how many of one second do (the rest
    are dropped), `dead` answers none at all.
    """

    def __init__(
        self,
        zone: Zone,
        *,
        port: int = 0,
        loss: float = 0.0,
        most: int | None = None,
        dead: bool = False,
        seed: int = 1,
    ) -> None:
        self.zone = zone
        self.asked: Counter[tuple[dns.name.Name, int]] = Counter()
        self.order: list[dns.name.Name] = []
        self.tcp = 0
        self.dropped = 0
        self._loss = loss
        self._most = most
        self._dead = dead
        self._random = random.Random(seed)
        self._second = (0, 0)
        self._hanging = contextlib.ExitStack()
        self._later: list[tuple[float, int, Out, tuple[str, int]]] = []
        self._udp, self._listener = _bound(port)
        self.address = "{}:{}".format(*self._udp.getsockname())
        self._other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._other.bind(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._udp, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self.serve, daemon=True)

    @property
    def total(self) -> int:
        """Queries that came in."""
        return sum(self.asked.values())

    def times(self, address: str) -> int:
        """How often an address's name was asked for."""
        return self.asked[dns.reversename.from_address(address), dns.rdatatype.PTR]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._hanging.close()
        self._other.close()
        self._selector.close()

    def serve(self) -> None:
        while not self._ended.is_set():
            wait = min(0.02, self._later[0][0] - time.monotonic()) if self._later else 0.02
            for key, _ in self._selector.select(max(0.0, wait)):
                if key.fileobj is self._udp:
                    self._datagrams()
                elif key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    self._selector.register(connection, selectors.EVENT_READ)
                else:
                    self._stream(key.fileobj)
            while self._later and self._later[0][0] <= time.monotonic():
                _, _, out, peer = heapq.heappop(self._later)
                self._send(out, peer)

    def _datagrams(self) -> None:
        while True:
            try:
                wire, peer = self._udp.recvfrom(4096)
            except BlockingIOError:
                return
            for out in self._answers(wire, tcp=False):
                if out.delay:
                    due = time.monotonic() + out.delay
                    heapq.heappush(self._later, (due, self.total, out, peer))
                else:
                    self._send(out, peer)

    def _send(self, out: Out, peer: tuple[str, int]) -> None:
        (self._other if out.elsewhere else self._udp).sendto(out.wire, peer)

    def _stream(self, connection: socket.socket) -> None:
        """A connection holds one query, which on loopback arrives whole."""
        self._selector.unregister(connection)
        with contextlib.ExitStack() as closing:
            closing.callback(connection.close)
            wire = connection.recv(4096)
            outs = self._answers(wire[2:], tcp=True) if wire else []
            if outs and not outs[0].wire:
                self._hanging.push(closing.pop_all())
            elif outs:
                connection.settimeout(1)
                connection.sendall(len(outs[0].wire).to_bytes(2, "big") + outs[0].wire)

    def _answers(self, wire: bytes, *, tcp: bool) -> list[Out]:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        self.asked[question.name, question.rdtype] += 1
        self.order.append(question.name)
        self.tcp += tcp
        if self._dead or self._exceeds() or self._random.random() < self._loss:
            self.dropped += 1
            return []
        times = self.asked[question.name, question.rdtype]
        call = Call(query, self.zone.answer(query), tcp, times)
        return HOWS[self.zone.hows.get(question.name, "")](call)

    def _exceeds(self) -> bool:
        if self._most is None:
            return False
        second, count = self._second
        now = int(time.monotonic())
        self._second = (now, count + 1 if now == second else 1)
        return self._second[1] > self._most


def _bound(port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket on the same port."""
    while True:
        listener = socket.create_server(("127.0.0.1", port))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.setblocking(False)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        try:
            datagrams.bind(listener.getsockname())
        except OSError:
            listener.close()
            datagrams.close()
            if port:
                raise
        else:
            return datagrams, listener


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--zone", type=Path, required=True, help="the rows, separated by tabs")
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument(
        "--loss", type=float, default=0.0, help="share of queries without an answer"
    )
    parser.add_argument("--most", type=int, help="queries of a second that are answered")
    options = parser.parse_args()
    zone = Zone.read(options.zone)
    with NameServer(zone, port=options.port, loss=options.loss, most=options.most) as server:
        print(server.address, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main()
