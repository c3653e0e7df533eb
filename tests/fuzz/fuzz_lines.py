"""Lines of flow logs: headers, layouts, times of exports, and values that are nearly good."""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["flowlens"]):
    from flowlens.reading.blocks import NoLayoutError, beginning, blocks
    from flowlens.records.buffers import Buffer, Segment
    from flowlens.records.layouts import DuplicateFieldError, Layout, of_line
    from flowlens.records.parser import Wanted, parse
    from flowlens.records.validate import MAX_LINE, Blank, Header, Malformed, Record, judge

import invariants
from fragments import PIECES, RECORDS, mixed, pieces
from test_patterns import row_of

_TIME = b"2018-09-22T20:28:14.000Z "
_HEADERS = (
    b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    b"start end action log-status",
    b"account-id action bytes dstaddr dstport end interface-id log-status packets protocol "
    b"srcaddr srcport start version",
    b"srcaddr dstaddr new-field start_time",
    b"interface-id action",
    b"instance-tag asg-tag srcport",
    b"start end bytes",
)
FRAGMENTS = (
    *RECORDS, *(record + b"\n" for record in RECORDS), *(_TIME + record for record in RECORDS),
    *_HEADERS, *(header + b"\n" for header in _HEADERS), _TIME,
    b"192.0.2.1 10.0.0.5 x 1418530010\n", b"eni-1 REJECT\n", b"a%20b - 80\n",
    b"1418530010 1418530070 7\n", b"1418530010123 1418530070123 7\n", b"192.0.2.1",
    b"2001:db8::7", b"::ffff:192.0.2.1", b"::", b"10.0.0.1239", b"-", b"None", b"OK", b"NODATA",
    b"SKIPDATA", b"ACCEPT", b"65535", b"65536", b"256", b"00080", b"2147483648",
    b"281474976710656", b"281474976710657", b"9223372036854775807", b"9223372036854775808",
    b"9999999999999", b"10000000000000",
    b"srcaddr", b"start", b" ", b"  ", b"\t", b"\v", b"\f", b"\r\n", b"\n", b"\n\n",
    b"\xef\xbb\xbf", b"\xe9", b"\0", b"\x1f\x8b", b"BZh", "\u00a0\u2028\u0085".encode(),
    "\u0663".encode(), b"\xed\xa0\x80", b'"', b"#", b",", b"x" * 5000,
)  # fmt: skip
_MOST_LINES = 300
"""Each change of the layout takes milliseconds, and every line may be a header."""
_SIZES = (1, 100, 1000, 1 << 20)


def fuzz(data: bytes) -> None:
    """Blocks of any size give what `judge` says of each line, and lose none."""
    if len(data) < 2:
        return
    text = mixed(data[2:], FRAGMENTS)
    if text.count(b"\n") > _MOST_LINES:
        return
    try:
        layout, skip = beginning(text, None)
    except (NoLayoutError, DuplicateFieldError) as error:
        invariants.one_line(error)
        return
    lines = invariants.lines(text[skip:])
    expected = _judged(lines, layout)
    size, piece = _SIZES[data[1] % len(_SIZES)], PIECES[data[0] % len(PIECES)]
    rows: list[object] = []
    malformed: list[tuple[int, str]] = []
    above = 0
    for block in blocks(pieces(text[skip:], piece), size):
        number = len(invariants.lines(block.text))
        wanted = Wanted((*invariants.COLUMNS, "log_status"))
        parsed = parse(Buffer(layout, block.text, (Segment(0),), block.dropped), wanted)
        invariants.accounted(parsed, number, 0)
        rows += parsed.table.to_pylist()
        malformed += [(above + line.line, line.reason) for line in parsed.tallies[0].malformed]
        above += number
        layout = parsed.layouts[-1]
    assert above == len(lines)
    assert (rows, malformed) == expected


def _judged(lines: list[bytes], layout: Layout) -> tuple[list[object], list[tuple[int, str]]]:
    """The rows and the malformed lines, one line after another."""
    columns = (*invariants.COLUMNS, "log_status")
    rows: list[object] = []
    malformed: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        text = line[: MAX_LINE + 1].decode("utf-8", "surrogateescape")
        own = of_line(text, layout)
        verdict = judge(text, own)
        match verdict:
            case Record():
                row = row_of(verdict, own)
                rows.append({name: row.get(name) for name in columns})
            case Malformed():
                malformed.append((number, str(verdict.reason)))
            case Header():
                layout = verdict.layout
            case _:
                assert isinstance(verdict, Blank)
    return rows, malformed


SEEDS = [
    b"\1\3" + before + b"\n".join(time + record for record in RECORDS)
    for before in (b"", *(header + b"\n" for header in _HEADERS))
    for time in (b"", _TIME)
] + [b"\0\0" + bytes(range(0x80, 0x100)), b"\0\0" + bytes(range(0x84, 0xC0)) * 3]

if __name__ == "__main__":
    invariants.run(fuzz, SEEDS)
