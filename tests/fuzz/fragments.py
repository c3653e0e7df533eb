"""Bytes of the fuzzer as text: most stand for themselves, the others for fragments of a format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MOST = 1 << 16
"""What a text grows to by its repeats, about; bytes."""

_REPEAT, _RAW, _FIRST = 0, 1, 0x80

RECORDS = (
    b"2 123456789012 eni-1 192.0.2.1 10.0.0.5 40000 22 6 20 4249 1418530010 1418530070 REJECT OK",
    b"2 123456789012 eni-1 2001:db8::7 10.0.0.5 4 2 6 20 4249 1418530010 1418530070 ACCEPT OK",
    b"2 123456789012 eni-1 - - - - - - - 1418530010 1418530070 - NODATA",
    b"2 123456789012 eni-1 - - - - - - - 1418530011 1418530071 - SKIPDATA",
)


def mixed(data: bytes, fragments: Sequence[bytes]) -> bytes:
    """ASCII as it is; a byte above it is a fragment; 0 and n: the last part 2^n times; 1 and x: x.

    >>> mixed(b"a\\x80\\x00\\x01c\\x01\\x80", [b"b"])
    b'abbbc\\x80'
    """
    parts = [b""]
    size = 0
    codes = iter(data)
    for code in codes:
        if code >= _FIRST:
            part = fragments[(code - _FIRST) % len(fragments)]
        elif code == _REPEAT:
            often = 1 << next(codes, 0) % 15
            part = parts[-1] * min(often, MOST // max(1, len(parts[-1])) + 1)
        else:
            part = bytes([next(codes, 0) if code == _RAW else code])
        part = part[: MOST - size]
        size += len(part)
        parts.append(part)
    return b"".join(parts)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """A stream in pieces of a size, of which there are at most a thousand; 0 stands for one."""
    size = max(size or len(data), len(data) // 1000, 1)
    for start in range(0, len(data), size):
        yield data[start : start + size]


PIECES = (0, 1, 2, 3, 7, 40, 1000)
