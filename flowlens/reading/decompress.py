"""From a file to its bytes, decompressed: gzip of any number of members, zstd, bzip2, or plain.

Told by content and not by name. Output comes in bounded pieces, so that a small file of a
thousandfold expansion costs time and never memory.
"""

from __future__ import annotations

import bz2
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from isal import igzip_lib

from flowlens.inputs.find import Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 20
"""Compressed bytes read at a time."""

BLOCK = 8 << 20
"""About the size of a block of text, and the most that a decompressed piece may have; bytes."""


class Decompressor(Protocol):
    """What the decompressors of gzip, zstd and bzip2 have in common (PEP 784)."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether more can come out only after more went in."""

    @property
    def unused_data(self) -> bytes:
        """What follows the member's end."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` bytes."""


def _gzip() -> Decompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


_FORMS: dict[str, tuple[bytes, Callable[[], Decompressor]]] = {
    "gzip": (b"\x1f\x8b", _gzip),
    "zstd": (b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),
    "bzip2": (b"BZh", bz2.BZ2Decompressor),
}

_STEP = 512
"""Bytes salvaged at a time from broken gzip data; as many may be lost."""

_LONGEST_MAGIC = max(len(magic) for magic, _ in _FORMS.values())

_ISAL: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub has no class
_FAULTS = (OSError, EOFError, ValueError, _ISAL, zstd.ZstdError)


@dataclass(slots=True)
class Inflated:
    """The pieces of a source; after the last, `broken` says how it broke off, if it did.

    `taken` counts the bytes read for them so far, as they lie there.
    """

    compression: str
    pieces: Iterator[bytes]
    broken: str = ""
    taken: int = 0


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The source's bytes as they lie there.

    Raises:
        OSError: it can't be opened.
    """
    if source.is_stdin:
        yield sys.stdin.buffer
        return
    with closing(source.opener() if source.opener else io.FileIO(source.name)) as file:
        yield file


def inflate(file: BinaryIO) -> Inflated:
    """The decompressed bytes of a file, in pieces of at most 8 MiB.

    Raises:
        OSError: the file can't be read at all.
    """
    head = file.read(PIECE) or b""
    while 0 < len(head) < _LONGEST_MAGIC and (more := file.read(PIECE)):
        head += more
    inflated = Inflated(compression(head), iter(()))
    raw = _raw(head, file, inflated)
    inflated.pieces = _members(raw, inflated.compression, inflated) if inflated.compression else raw
    return inflated


def compression(head: bytes) -> str:
    """The compression of data that begins so; empty for none."""
    return next((name for name, (magic, _) in _FORMS.items() if head.startswith(magic)), "")


def _raw(head: bytes, file: BinaryIO, inflated: Inflated) -> Iterator[bytes]:
    """The file's bytes; one that can't be read on is broken there, and what came before counts."""
    while head:
        inflated.taken += len(head)
        yield head
        try:
            head = file.read(PIECE) or b""
        except OSError as error:
            inflated.broken = error.strerror or str(error)
            return


def _members(raw: Iterator[bytes], form: str, inflated: Inflated) -> Iterator[bytes]:
    """The content of all members in a row; zero bytes behind a member are padding."""
    magic, fresh = _FORMS[form]
    member = fresh()
    between = False
    whole = True
    for data in raw:
        while data or not member.needs_input:
            if between:
                data = data.lstrip(b"\0")
                if not data:
                    break
                if not data.startswith(magic[: len(data)]):
                    inflated.broken = f"ends in bytes that are no {form}"
                    return
                member, between, whole = fresh(), False, True
            try:
                piece = member.decompress(data, BLOCK)
            except _FAULTS as error:
                inflated.broken = f"broken {form}: {error}"
                if form == "gzip" and whole:
                    yield from _salvaged(data)
                return
            whole = False
            if piece:
                yield piece
            between = member.eof
            data = member.unused_data if between else b""
    if not between and not inflated.broken:
        inflated.broken = f"the {form} data breaks off"


def _salvaged(data: bytes) -> Iterator[bytes]:
    """What comes of a gzip member before the byte that breaks it, from the member's start on."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    with suppress(zlib.error):
        while data:
            yield member.decompress(data, _STEP)
            data = member.unconsumed_tail
