"""Layers of gzip, zstd, bzip2 and base64 around records, broken in any of them."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
from collections.abc import Callable, Iterator

import atheris

with atheris.instrument_imports(include=["flowlens"]):
    from flowlens.reading.decompress import Inflated, zstd
    from flowlens.reading.envelopes.detect import opened
    from flowlens.reading.envelopes.packed import DEEPEST

import invariants
from envelopes import FORMS, payloads
from fragments import PIECES, RECORDS, pieces

_TEXTS = [record.decode() for record in RECORDS]
_CONTENTS = (
    b"\n".join(RECORDS), *payloads(_TEXTS), *(make(_TEXTS) for make in FORMS.values()), b"", b"x",
)  # fmt: skip


def _members(data: bytes) -> bytes:
    cut = len(data) // 2
    return gzip.compress(data[:cut], mtime=0) + b"\0\0" + gzip.compress(data[cut:], mtime=0)


def _nested(data: bytes) -> bytes:
    text = base64.b64encode(gzip.compress(data, mtime=0)).decode()
    return json.dumps({"Records": [{"kinesis": {"data": text}}, {"data": text}]}).encode()


_LAYERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: gzip.compress(data, mtime=0),
    _members,
    lambda data: zstd.compress(data),
    bz2.compress,
    base64.b64encode,
    base64.encodebytes,
    lambda data: base64.b64encode(data) * 2,
    _nested,
)
_MOST = 1 << 16


def _damaged(data: bytes, provider: atheris.FuzzedDataProvider) -> bytes:
    """The data, cut off, changed in one place, with bytes put in, or bytes behind."""
    how, place = provider.ConsumeIntInRange(0, 4), provider.ConsumeIntInRange(0, len(data))
    more = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 12))
    match how:
        case 1:
            return data[:place]
        case 2:
            return data[:place] + more + data[place + len(more) :]
        case 3:
            return data[:place] + more + data[place:]
        case 4:
            return data + more
    return data


def fuzz(data: bytes) -> None:
    """However it is packed and broken, it ends, adds up, and gives the same in any pieces."""
    provider = atheris.FuzzedDataProvider(data)
    size = PIECES[provider.ConsumeIntInRange(0, len(PIECES) - 1)]
    text = _CONTENTS[provider.ConsumeIntInRange(0, len(_CONTENTS) - 1)]
    text = _damaged(text, provider)
    for _ in range(provider.ConsumeIntInRange(0, DEEPEST + 2)):
        if len(text) > _MOST:
            break
        layer = _LAYERS[provider.ConsumeIntInRange(0, len(_LAYERS) - 1)]
        text = _damaged(layer(text), provider)
    found = invariants.outcome(lambda: opened(_as_file(text, size)))
    whole = invariants.outcome(lambda: opened(Inflated("", iter([text]))))
    if not found.damaged and not whole.damaged:
        assert found.units == whole.units


def _as_file(text: bytes, size: int) -> Inflated:
    return Inflated("", _few(pieces(text, size)))


def _few(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, with an empty one before each."""
    for part in parts:
        yield b""
        yield part


SEEDS = [bytes([number] * 24) for number in range(0, 256, 5)]

if __name__ == "__main__":
    invariants.run(fuzz, SEEDS)
