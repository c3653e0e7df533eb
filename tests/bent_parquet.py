"""Parquet whose footers and pages are bent, asked of in several ways; a process of its own.

`python bent_parquet.py PLACE FIRST LAST` says on standard output which file it is about to ask of,
and then what came of it: a process that aborts has said on what.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from parquets import ask, quiet, record, write

import flowlens as fl
from flowlens.cli.main import main
from flowlens.core.counts import Account
from flowlens.core.errors import FlowlensError
from flowlens.inputs.find import Source
from flowlens.reading.parquet.sources import Refused, look

ROWS = [record(), quiet(), record(dstport=443, action="ACCEPT"), record(srcaddr="2001:db8::7")] * 3
OPTIONS = (
    {"compression": "gzip"},
    {"compression": "none", "row_group_size": 5},
    {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0"},
    {"compression": "zstd", "write_statistics": False},
    {"compression": "zstd", "write_page_index": True, "row_group_size": 4},
)
BYTES = (0, 1, 2, 0x15, 0x16, 0x18, 0x19, 0x1C, 0x2C, 0x7F, 0x80, 0xFF)
QUESTIONS = (
    "select count(*) as n from flows",
    "select bytes from flows",
    "select srcaddr, start_time, action from flows, (select 1 as one)",
    "select count(*) as n from flows as a join flows as b using (start_time)",
)

SELDOM, OFTEN = 12, 2
"""Files of which one is asked questions too, by whether its footer is refused at once."""


def whole(place: Path) -> list[bytes]:
    """Good files, as several writers write them."""
    files = [write(place / "whole.parquet", ROWS, **chosen).read_bytes() for chosen in OPTIONS]
    texts = pa.table({name: [str(row[name]) for row in ROWS] for name in ROWS[0]})
    pq.write_table(texts, place / "whole.parquet", column_encoding="DELTA_BYTE_ARRAY",
                   use_dictionary=False)  # fmt: skip
    return [*files, (place / "whole.parquet").read_bytes()]


def bent(data: bytes, seed: int) -> bytes:
    """The file with its footer bent in one place to three; one of eight has bent pages too."""
    chance = random.Random(seed)
    footer = int.from_bytes(data[-8:-4], "little")
    first, end = len(data) - 8 - footer, len(data) - 8
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(first, end) if seed % 8 else chance.randrange(4, first)
        match chance.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                changed[at] ^= 1 << chance.randrange(8)
            case 5 | 6 | 7:
                changed[at] = chance.choice(BYTES)
            case 8:  # a number without an end, or a very large one
                size = chance.randrange(1, 10)
                changed[at : at + size] = b"\xff" * (size - 1) + chance.choice((b"\x0f", b"\xff"))
            case _:  # a length, and as many bytes fewer behind it
                size = min(changed[at], 3)
                changed[at] -= size
                del changed[at + 1 : at + 1 + size]
                footer -= size
    del changed[len(data) - 8 :]
    return bytes(changed) + footer.to_bytes(4, "little") + b"PAR1"


def told(account: Account) -> list[object]:
    """What an account says of one file."""
    (source,) = account.sources
    assert source.counts.adds_up, source
    assert len((source.unreadable + source.truncated).splitlines()) <= 1, source
    return [source.counts.to_dict(), source.unreadable, bool(source.truncated)]


def outcomes(path: Path) -> Iterator[object]:
    """What the check and several questions say; the account of each, or one line."""
    try:
        check = fl.read(path).check()
        yield {"account": told(check.account), "lost": check.account.lost}
    except FlowlensError as error:
        yield {"error": str(error), "code": error.exit_code}
    for sql in QUESTIONS:
        try:
            asked = ask(path, sql)
            yield {"account": told(asked.account)}
        except FlowlensError as error:
            yield {"error": str(error), "code": error.exit_code}
    for command in ("report", "check"):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([command, str(path), "--quiet"])
        yield {"code": code, "error": err.getvalue().rstrip("\n")}


def run(place: Path, first: int, last: int) -> None:
    files = whole(place)
    path = place / "bent.parquet"
    for seed in range(first, last):
        print(json.dumps(seed), flush=True)
        path.write_bytes(bent(files[seed % len(files)], seed))
        looked = look(0, Source(str(path), path.stat().st_size))
        refused = isinstance(looked, Refused)
        if isinstance(looked, Refused):
            assert len(looked.why.splitlines()) == 1, looked
        often = SELDOM if refused else OFTEN
        asked = [] if seed // len(files) % often else list(outcomes(path))
        print(json.dumps([refused, *asked]), flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
