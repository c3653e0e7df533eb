r"""What programs print around records: colours, a time before JSON, quotes, a table of events.

Sources: AWS CLI user guide, "Text output format"; AWS CLI reference, `logs tail`, whose `--format
json` prints a message that is JSON over several lines; jq's manual (a text is printed in quotes).
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flowlens.reading.blocks import blocks
from flowlens.reading.envelopes.jsonstream import Batch, Event, anything
from flowlens.reading.envelopes.packed import is_payload, payloads
from flowlens.records.patterns import STAMP

_COLOUR = re.compile(rb"\x1b\[[0-9;]{0,16}[mK]")
_CUT_COLOUR = re.compile(rb"\x1b(?:\[[0-9;]{0,16})?$")


def is_coloured(head: bytes) -> bool:
    r"""Whether there are colours in the first line.

    >>> is_coloured(b"\x1b[32m2014-12-14T04:06:50\x1b[0m 2 1234"), is_coloured(b"2 1234\n\x1b[32m")
    (True, False)
    """
    return _COLOUR.search(_first(head)) is not None


def plain(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""The pieces without colours.

    >>> list(plain([b"a\x1b[3", b"2mb", b"\x1b[0mc"]))
    [b'a', b'b', b'c']
    """
    rest = b""
    for piece in pieces:
        text = rest + piece
        cut = _CUT_COLOUR.search(text, max(0, len(text) - 20))
        rest = text[cut.start() :] if cut else b""
        yield _COLOUR.sub(b"", text[: len(text) - len(rest)])
    if rest:
        yield rest


_BEFORE = STAMP.encode()
_STAMPED_JSON = re.compile(
    rb"(?:" + _BEFORE + rb")[ \t]+(?P<stream>[^\s{]+[ \t]*)?(?:\r?\n[ \t]*)?\{"
)


def is_stamped(head: bytes) -> bool:
    r"""Whether a time stands before JSON, as `aws logs tail` prints it.

    >>> is_stamped(b'2014-12-14T04:06:50+00:00 eni-1\n{"srcaddr": 1}')
    True
    """
    return _STAMPED_JSON.match(head.lstrip()) is not None


def unstamped(head: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""JSON alone; a message that is none, as an event.

    >>> text = b'2014-12-14T04:06:50Z eni-1 {"a": 1}\n2014-12-14T04:06:50Z eni-1 2 1234\n'
    >>> b"".join(unstamped(text, [text]))
    b'{"a": 1}\n{"message": "2 1234"}\n'
    """
    match = _STAMPED_JSON.match(head.lstrip())
    stream = rb"[^\s]+[ \t]*" if match and match["stream"] else b""
    line = re.compile(rb"^(?:" + _BEFORE + rb")[ \t]+" + stream + rb"([^\r\n]*)", re.MULTILINE)
    for block in blocks(pieces):
        yield line.sub(_message, block.text)


def _message(match: re.Match[bytes]) -> bytes:
    text = match[1].strip()
    if not text or text.startswith(b"{"):
        return match[1]
    return json.dumps({"message": text.decode("utf-8", "replace")}).encode()


def quoted(head: bytes) -> bool:
    r"""Whether a line is a text in quotes, as jq prints it.

    >>> quoted(b'"2 1234"\n"2 1234"\n'), quoted(b'"version","account_id"\n')
    (True, False)
    """
    first = _first(head).strip()
    found = anything(b"[" + first + b"]") if first[:1] == b'"' else None
    return found is not None and len(found) == 1


_WIDTHS = (64, 76)
"""Characters of a line of base64 that goes on over lines (RFC 1421, RFC 2045)."""
_ENDS = (b"OK", b"DATA", b"}")
"""What a record ends with."""


def packed_lines(head: bytes) -> bool:
    """Whether each line is a payload in base64 of its own, and not a part of one."""
    lines = [line.strip().decode("latin-1") for line in head.split(b"\n", 2)[:2]]
    if len(lines) < 2 or not all(map(is_payload, lines)):
        return False
    if next(payloads(lines)).is_json:
        return False  # what is JSON may stand in a row
    is_wrapped = len(lines[0]) in _WIDTHS and not lines[0].endswith("=")
    return not is_wrapped or b64decode(lines[0]).rstrip().endswith(_ENDS)


_EVENT = "EVENTS\t"
_LONG_ID = 20
"""Digits that no time has, and every id of an event."""
_AROUND = re.compile(r"SEARCHEDLOGSTREAMS\t.*|(?:NEXTTOKEN\t|[bf]/[0-9]+).*|None")
"""What stands beside the events of a page: where was looked, and where the next page begins."""


def is_table(head: bytes) -> bool:
    r"""Whether these are events as the AWS CLI prints them as text.

    >>> is_table(b"b/36/s\tf/36/s\nEVENTS\t1418530100000\t2 1234\t1418530010000\n")
    True
    """
    lines = (line.decode("latin-1").rstrip() for line in head.split(b"\n", 9))
    return next((line for line in lines if not _AROUND.fullmatch(line)), "").startswith(_EVENT)


@dataclass(slots=True)
class Lines:
    """The lines of a stream as values: quoted texts, payloads, or events of a table."""

    pieces: Iterable[bytes]
    table: bool = False
    broken: str = ""
    passed: bool = False

    def __iter__(self) -> Iterator[Batch]:
        """Batches of values, in order."""
        for block in blocks(self.pieces):
            text = block.text.decode("utf-8", "surrogateescape")
            lines = [line for one in text.split("\n") if (line := one.strip("\r"))]
            values = list(_events(lines)) if self.table else _texts(lines)
            if values:
                yield values


def _texts(lines: list[str]) -> list[Any]:
    if not any(line.startswith('"') for line in lines):
        return list(lines)
    together = anything(f"[{','.join(lines)}]".encode("utf-8", "surrogateescape"))
    if together is not None and len(together) == len(lines):
        return together
    return [_text(line) for line in lines]


def _text(line: str) -> Any:
    found = anything(f"[{line}]".encode("utf-8", "surrogateescape"))
    return found[0] if found is not None and len(found) == 1 else line


def _events(lines: list[str]) -> Iterator[Any]:
    for line in lines:
        cells = line.split("\t")
        if line.startswith(_EVENT):
            is_filtered = len(cells[1]) > _LONG_ID
            message = "\t".join(cells[4 if is_filtered else 2 : -1])
            yield Event(message or None, cells[1] if is_filtered else None)
        elif not _AROUND.fullmatch(line):
            yield Event(line)


def _first(head: bytes) -> bytes:
    return head.lstrip().split(b"\n", 1)[0]
