"""A file as a resolver, for work without a network: rows of `address<TAB>name`.

A name has the addresses of rows `name<TAB>address`, and no others: what is said of an address
proves nothing of the name. What is in no row doesn't exist. A first row that holds no address is a
header; empty rows and those that begin with `#` are passed over.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.name
import dns.reversename
from dns.rdatatype import RdataType

from flowlens.core.errors import UsageError
from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.questions import Question, Reply
from flowlens.naming.dns.resolver import Finish

TTL = 86_400


class FromFile:
    """Answers from the file at `path`, which is read at once.

    Raises:
        UsageError: the file can't be read, or a row isn't as it should be.
    """

    has_private = True
    remarks: tuple[str, ...] = ()

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self._records: dict[tuple[dns.name.Name, RdataType], list[dns.name.Name | str]] = (
            defaultdict(list)
        )
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: can't be read as text: {error}") from error
        for number, line in enumerate(lines, 1):
            if line and not line.startswith("#"):
                self._add(line, number)

    def ask(self, asked: Iterable[Question], finish: Finish) -> None:
        """Answer each question at once; see `Resolver`."""
        for first in asked:
            follow = deque([first])
            while follow:
                question = follow.popleft()
                follow.extend(finish(question, self._reply(question)))

    def _reply(self, question: Question) -> Reply:
        records = self._records.get((question.name, question.rdtype))
        return Reply(Status.OK, tuple(records), TTL) if records else Reply(Status.NXDOMAIN)

    def _add(self, line: str, number: int) -> None:
        first, _, second = (part.strip() for part in line.partition("\t"))
        try:
            if (family := _address_type(first)) is not None:
                owner, record = dns.reversename.from_address(first), dns.name.from_text(second)
                self._records[owner, RdataType.PTR].append(record)
            elif (family := _address_type(second)) is not None:
                self._records[dns.name.from_text(first), family].append(str(ip_address(second)))
            elif number > 1:
                raise ValueError("no address in it")
        except (ValueError, dns.exception.DNSException) as error:
            place = f"{self.name}:{number}"
            raise UsageError(f"{place}: write address<TAB>name, or name<TAB>address") from error


def _address_type(text: str) -> RdataType | None:
    try:
        return RdataType.A if ip_address(text).version == 4 else RdataType.AAAA
    except ValueError:
        return None
