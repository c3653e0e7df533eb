"""CSV of events and of records, with quotes and line ends anywhere."""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["flowlens"]):
    from flowlens.reading.decompress import Inflated
    from flowlens.reading.envelopes.detect import opened

import invariants
from envelopes import FORMS
from fragments import PIECES, RECORDS, mixed, pieces

_HEADERS = (
    b"timestamp,message\n",
    b"@message\n",
    b'"@timestamp","@message"\r\n',
    b"@timestamp,srcAddr,dstAddr,dstPort,action,start,end,logStatus\n",
    b"srcaddr,dst_addr,Odd Key,dstAddr2\n",
)
FRAGMENTS = (
    *RECORDS, *_HEADERS, *(b"1," + record + b"\n" for record in RECORDS),
    b"192.0.2.1,10.0.0.5,22,REJECT,1418530010,1418530070,OK\n", b',"', b'","', b'"\n', b'""',
    b'"""', b'a","\n', b"\r\n", b"\r", b",,", b"\xe9", b"\xef\xbb\xbf",
    "\u00e9\u2028\u0085".encode(), b"\x1c", b"srcaddr", b"action", b"-", b"None", b"x" * 1000,
    b"version srcaddr dstaddr start end",
)  # fmt: skip


def fuzz(data: bytes) -> None:
    """A CSV never fails, adds up, and gives the same whatever the size of the pieces."""
    if len(data) < 2:
        return
    text = _HEADERS[data[1] % len(_HEADERS)] + mixed(data[2:], FRAGMENTS)
    size = PIECES[data[0] % len(PIECES)]
    found = invariants.outcome(lambda: opened(Inflated("", pieces(text, size))))
    whole = invariants.outcome(lambda: opened(Inflated("", iter([text]))))
    assert whole.units == found.units
    assert whole.refused == found.refused


SEEDS = [
    bytes([1, number]) + FORMS[form]([record.decode() for record in RECORDS]).split(b"\n", 1)[1]
    for form in FORMS
    if "CSV" in form
    for number in range(len(_HEADERS))
]

if __name__ == "__main__":
    invariants.run(fuzz, SEEDS)
