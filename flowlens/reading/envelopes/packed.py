"""What lies packed within what was unpacked: compressed data in compressed data, and base64."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, cast

from flowlens.reading.blocks import NoLayoutError
from flowlens.reading.decompress import Inflated, compression, inflate
from flowlens.records.fields import columns_by_token

DEEPEST = 6
"""Layers of packing beyond which nothing is opened; deliveries have four at most."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{24,}={0,2}\s*")
_HEAD = 64
_RECORD = re.compile(rb"[0-9]{1,2} (?:[0-9]{4,}|unknown|TransitGateway)")
"""How a record in a default format begins, as far as that stands in so few bytes."""
_ENDS = re.compile(rb"(?<==)(?=[A-Za-z0-9+/])")


class TooDeepError(NoLayoutError):
    """Packed in itself again and again, as no delivery is."""

    def __init__(self) -> None:
        super().__init__(f"packed more than {DEEPEST} times in itself; unpack it by hand")


def packing(head: bytes) -> str:
    """How the data that begins so is packed: a compression, `base64`, or empty for not at all."""
    form = compression(head)
    if form:
        return form
    if head[:1] in b" \t" or not _BASE64.fullmatch(head[:_HEAD].rstrip(b"=\r\n")):
        return ""
    try:
        inner = base64.b64decode(b"".join(head[:_HEAD].split())[:24])
    except binascii.Error:
        return ""
    if compression(inner) or inner.lstrip()[:1] in (b"{", b"[") or _RECORD.match(inner):
        return "base64"
    name, blank, _ = inner.decode("latin-1").partition(" ")
    return "base64" if blank and name in columns_by_token() else ""


def is_payload(text: str) -> bool:
    """Whether a text among others is base64, be it of a record that is not packed within.

    >>> is_payload(base64.b64encode(b"2 123456789012 eni-1 - -").decode())
    True
    """
    return bool(packing(text[:_HEAD].encode("ascii", "replace")))


def unpacked(form: str, pieces: Iterator[bytes]) -> Inflated:
    """The content of packed pieces."""
    if form == "base64":
        decoded = Inflated(form, iter(()))
        decoded.pieces = _decoded(pieces, decoded)
        return decoded
    return inflate(cast("BinaryIO", _Pieces(pieces)))


@dataclass(slots=True)
class Payload:
    """What a payload in base64 holds: JSON or lines. After the last piece `broken` says how it
    broke off, if it did.
    """

    text: str
    pieces: Iterator[bytes]
    is_json: bool
    layers: list[Inflated]

    @property
    def broken(self) -> str:
        """How the payload broke off."""
        return next((layer.broken for layer in self.layers if layer.broken), "")


def payloads(texts: Iterable[str]) -> Iterator[Payload]:
    """What payloads in base64 hold, one after another, however they are packed within.

    Raises:
        TooDeepError: one is packed in itself too often.
    """
    for text in texts:
        pieces: Iterator[bytes] = iter([text.encode("ascii", "replace")])
        form = "base64"
        layers: list[Inflated] = []
        for _ in range(DEEPEST):
            layers.append(unpacked(form, pieces))
            head = next(layers[-1].pieces, b"")
            form = packing(head)
            pieces = chain([head], layers[-1].pieces)
            if not form:
                break
        else:
            raise TooDeepError
        yield Payload(text, pieces, head.lstrip()[:1] in (b"{", b"["), layers)


def _decoded(pieces: Iterable[bytes], decoded: Inflated) -> Iterator[bytes]:
    """Base64 to bytes; several texts may stand in a row, each to its padding."""
    rest = b""
    for piece in pieces:
        text = rest + b"".join(piece.split())
        parts = _ENDS.split(text)
        whole = len(parts[-1]) // 4 * 4
        rest, parts[-1] = parts[-1][whole:], parts[-1][:whole]
        for part in parts:
            try:
                yield binascii.a2b_base64(part, strict_mode=True)
            except binascii.Error as error:
                decoded.broken = f"broken base64: {error}"
                return
    if rest:
        decoded.broken = "the base64 breaks off"


class _Pieces(io.RawIOBase):
    """Pieces as a file that can be read on."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
