"""Parquet with bytes changed, put in or cut off, most often in its footer; by both ways to read."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["flowlens"]):
    from flowlens.inputs.find import Source
    from flowlens.reading.parquet.sources import Refused, look

import invariants
import pyarrow as pa
import pyarrow.parquet as pq
from parquets import ask, quiet, record, write

from flowlens.core.errors import FlowlensError

_ROWS = [record(), quiet(), record(dstport=443, action="ACCEPT"), record(srcaddr="2001:db8::7")] * 3


def _files(place: Path) -> list[bytes]:
    """Small files as they are delivered and as others write them."""
    options = (
        {"compression": "gzip"},
        {"compression": "none", "row_group_size": 5},
        {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0"},
        {"compression": "zstd", "write_statistics": False},
        {"compression": "none", "column_encoding": "DELTA_BYTE_ARRAY", "use_dictionary": False},
    )
    whole = [write(place / "whole.parquet", _ROWS, **chosen).read_bytes() for chosen in options[:4]]
    texts = pa.table({name: [str(row[name]) for row in _ROWS] for name in _ROWS[0]})
    pq.write_table(texts, place / "texts.parquet", **options[4])
    return [*whole, (place / "texts.parquet").read_bytes()]


_PLACE = Path(tempfile.mkdtemp(prefix="flowlens-fuzz-"))
_FILES = _files(_PLACE)
_NAMES = ("read.parquet", "[streamed].parquet")
_SELDOM, _OFTEN = 200, 5
"""Files of which one is asked a question too, by whether its footer can be read."""


def _damaged(data: bytes, provider: atheris.FuzzedDataProvider) -> bytes:
    for _ in range(provider.ConsumeIntInRange(0, 3)):
        footer = int.from_bytes(data[-8:-4], "little") + 8
        first = max(0, len(data) - footer) if provider.ConsumeBool() else 0
        place = provider.ConsumeIntInRange(min(first, len(data)), len(data))
        more = provider.ConsumeBytes(provider.ConsumeIntInRange(1, 6))
        match provider.ConsumeIntInRange(0, 9):
            case 0:
                data = data[:place]
            case 1:
                data = data[:place] + more + data[place:]
            case 2:
                data = data[:place] + data[place + len(more) :]
            case _:
                data = data[:place] + more + data[place + len(more) :]
    return data


def fuzz(data: bytes) -> None:
    """Whatever stands in a file, it is told in one line, or its rows are as many as are counted."""
    provider = atheris.FuzzedDataProvider(data)
    path = _PLACE / _NAMES[provider.ConsumeIntInRange(0, len(_NAMES) - 1)]
    text = _damaged(_FILES[provider.ConsumeIntInRange(0, len(_FILES) - 1)], provider)
    looked = look(0, Source(path.name, len(text), lambda: io.BytesIO(text)))
    if isinstance(looked, Refused):
        assert len(looked.why.splitlines()) == 1, looked.why
    if crc32(text) % (_SELDOM if isinstance(looked, Refused) else _OFTEN):
        return
    path.write_bytes(text)
    try:
        found = ask(path, "select srcaddr, dstport, start_time, log_status from flows")
    except FlowlensError as error:
        invariants.one_line(error)
        return
    (source,) = found.account.sources
    assert source.counts.adds_up, source.counts
    assert source.counts.records == len(found.rows)
    assert source.counts.malformed == len(found.malformed)
    assert "\n" not in source.truncated + source.unreadable


SEEDS = [bytes([way, kind, *range(20)]) for way in range(2) for kind in range(len(_FILES))]

if __name__ == "__main__":
    invariants.run(fuzz, SEEDS)
