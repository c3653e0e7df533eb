"""JSON of every shape, broken anywhere, in pieces and stretches of any size."""

from __future__ import annotations

import base64
import gzip
from functools import partial
from unittest import mock

import atheris

with atheris.instrument_imports(include=["flowlens"]):
    import flowlens.reading.envelopes.detect
    from flowlens.reading.decompress import BLOCK, Inflated
    from flowlens.reading.envelopes.detect import opened
    from flowlens.reading.envelopes.jsonstream import Values

import invariants
from envelopes import FORMS
from fragments import PIECES, RECORDS, mixed, pieces

_EVENT = b'{"message":"%s","eventId":"7"}' % RECORDS[0]
_PAYLOAD = b'{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":"%s"}]}' % RECORDS[0]
_NESTED = base64.b64encode(gzip.compress(_PAYLOAD, mtime=0))
_ROW = b'{"srcAddr":"192.0.2.1","dstAddr":"10.0.0.5","dstPort":22,"action":"REJECT"}'

FRAGMENTS = (
    *RECORDS, _EVENT, _PAYLOAD, _NESTED, _ROW, b"\n" + _EVENT, b"," + _EVENT, b'{"events":[',
    b'{"logEvents":[', b'{"results":[', b'{"Records":[', b'{"records":[', b'{"message":"',
    b'{"@message":"', b'{"messageType":"CONTROL_MESSAGE","logEvents":[]}',
    b'{"awslogs":{"data":"%s"}}' % _NESTED, b'{"kinesis":{"data":"%s"}}' % _NESTED, b'{"data":"',
    b'[[{"field":"srcAddr","value":"192.0.2.1"},{"field":"dstAddr","value":"10.0.0.5"}]]',
    b'{"field":"@message","value":"', b"},{", b"}{", b"}\n{", b"],[", b"]}", b'"}', b'"},{"',
    b'":"', b'"message":', b'"events":', b'"eventId":"x",', b'"id":null,', b'"srcaddr":',
    b'"dstaddr":', b'"nextToken":null', b"null", b"true", b"-1.5e3", b"1e999", b"NaN", b"1" * 40,
    b"\\u0000", b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\n", b'\\"', b"\\\\", b"\\",
    b"\xe9", b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u00e9\u2028\u0085".encode(),
    b"version srcaddr dstaddr start end", b"[", b"[[", b'{"a":', b"\r\n  ", b"    ",
)  # fmt: skip
_STRETCHES = (1, 7, 30, 64, 1000, BLOCK)


def fuzz(data: bytes) -> None:
    """A stream of JSON never fails, adds up, and gives the same whatever the sizes."""
    if len(data) < 2:
        return
    piece, stretch = PIECES[data[0] % len(PIECES)], _STRETCHES[data[1] % len(_STRETCHES)]
    text = mixed(data[2:], FRAGMENTS)
    if text[:1] not in (b"{", b"["):
        text = b"{" + text
    cut = mock.patch.object(
        flowlens.reading.envelopes.detect, "Values", partial(Values, size=stretch)
    )
    with cut:
        found = invariants.outcome(lambda: opened(Inflated("", pieces(text, piece))))
    if found.damaged or b"CONTROL" in text:
        # What is longer than a stretch is read by its events, and so told by them.
        return
    whole = invariants.outcome(lambda: opened(Inflated("", iter([text]))))
    assert whole.units == found.units
    assert not whole.damaged


SEEDS = [
    bytes([size, size]) + FORMS[form]([record.decode() for record in RECORDS])
    for form in FORMS
    for size in (0, 3)
]

if __name__ == "__main__":
    invariants.run(fuzz, [seed for seed in SEEDS if seed.isascii() and seed[2:3] in (b"{", b"[")])
