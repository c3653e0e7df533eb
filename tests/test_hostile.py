"""Broken, hostile and outsized input: one clear outcome, whole lines kept, memory flat."""

from __future__ import annotations

import bz2
import gzip
import subprocess
import sys
from pathlib import Path

import pytest
import reading
from reading import DEFAULT_HEADER, GOOD, read

from flowlens.core.counts import Counts
from flowlens.core.errors import NoInputError
from flowlens.reading.decompress import zstd

LINES = [GOOD.replace(" 22 ", f" {port} ").replace("40000", str(port * 7919 % 65_536))
         for port in range(400)]  # fmt: skip
TEXT = "".join(line + "\n" for line in [DEFAULT_HEADER, *LINES]).encode()


def test_an_empty_file_and_a_header_alone_hold_no_records(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"")
    (tmp_path / "b.log").write_bytes(gzip.compress(b""))
    (tmp_path / "c.log").write_text(DEFAULT_HEADER)
    (tmp_path / "d.log").write_text("\n\n")
    outcome = read(tmp_path)
    assert outcome.rows == []
    assert outcome.counts == Counts(lines=3, headers=1, blanks=2)


def test_nodata_alone_is_read_without_a_header(tmp_path: Path) -> None:
    line = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n"
    (tmp_path / "a.log").write_text(line * 3)
    outcome = read(tmp_path, columns=("interface_id", "bytes", "log_status"))
    assert outcome.counts == Counts(lines=3, nodata=3)
    assert outcome.rows[0] == {"interface_id": "eni-1", "bytes": None, "log_status": "NODATA"}


@pytest.mark.parametrize("zeros", [False, True])
def test_a_picture_is_no_flow_log(tmp_path: Path, zeros: bool) -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (bytes(4000) if zeros else bytes(range(256)) * 16)
    (tmp_path / "a.log").write_bytes(png)
    with pytest.raises(NoInputError, match=r"a\.log: no flow-log layout fits"):
        read(tmp_path)
    (tmp_path / "b.log").write_bytes(TEXT)
    assert read(tmp_path).counts == Counts(lines=401, headers=1, ok=400)


def test_a_gzip_cut_short_anywhere_gives_its_whole_lines(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT, mtime=0)
    whole = read_text(tmp_path, packed)
    assert (whole.counts.lines, whole.account.truncated) == (401, [])
    before = 0
    for size in range(11, len(packed), 7):
        outcome = read_text(tmp_path, packed[:size])
        (source,) = outcome.account.truncated
        assert source.truncated == "the gzip data breaks off"
        assert outcome.counts.malformed == 0
        assert outcome.counts.adds_up
        assert before <= outcome.counts.lines <= 401
        assert outcome.rows == whole.rows[: len(outcome.rows)]
        before = outcome.counts.lines
    assert before > 380


def read_text(place: Path, data: bytes) -> reading.Outcome:
    (place / "a.log").write_bytes(data)
    return read(place / "a.log", columns=("dstport", "srcport", "log_status"))


def test_a_stream_cut_short_between_two_pieces_gives_its_whole_lines(tmp_path: Path) -> None:
    """The line that the data break off in began in an earlier piece."""
    line = GOOD + " "
    text = f"{DEFAULT_HEADER}\n{GOOD}\n{line}".encode()
    packed = gzip.compress(text + bytes(b" " * (40 << 20)), 1, mtime=0)
    with reading.pipe(tmp_path / "pipe", packed[:-20]) as pipe:
        outcome = read(pipe)
    assert outcome.counts == Counts(lines=2, headers=1, ok=1)
    assert outcome.account.truncated


@pytest.mark.parametrize("form", ["zstd", "bzip2"])
def test_zstd_and_bzip2_cut_short_give_their_whole_lines(tmp_path: Path, form: str) -> None:
    numbers = (pow(7, number, 65_521) for number in range(40_000))
    text = TEXT + "".join(GOOD.replace("40000", str(n)) + "\n" for n in numbers).encode()
    pack = {"zstd": zstd.compress, "bzip2": bz2.compress}[form]
    packed = pack(text)
    for part in (1, 2, 3, 9):
        outcome = read_text(tmp_path, packed[: len(packed) * part // 10])
        (source,) = outcome.account.truncated
        assert source.truncated == f"the {form} data breaks off"
        assert outcome.counts.malformed == 0
        assert outcome.counts.adds_up
    assert 0 < outcome.counts.lines < reading.text_lines(text)


@pytest.mark.parametrize("form", ["gzip", "zstd", "bzip2"])
def test_bytes_behind_the_compressed_data_are_told(tmp_path: Path, form: str) -> None:
    packed = reading.FORMS[form](TEXT)
    outcome = read_text(tmp_path, packed + b"rubbish\n" * 5)
    assert outcome.counts == Counts(lines=401, headers=1, ok=400)
    assert outcome.account.truncated[0].truncated == f"ends in bytes that are no {form}"
    padded = read_text(tmp_path, packed + bytes(1000))
    assert padded.counts == outcome.counts
    assert padded.account.truncated == []


@pytest.mark.parametrize("place", [-8, -4, 200, 900])
def test_a_gzip_that_does_not_add_up_is_told(tmp_path: Path, place: int) -> None:
    packed = bytearray(gzip.compress(TEXT, mtime=0))
    packed[place] ^= 0xFF
    outcome = read_text(tmp_path, bytes(packed))
    (source,) = outcome.account.truncated
    assert source.truncated.startswith(("broken gzip: ", "the gzip data breaks off"))
    assert "\n" not in source.truncated
    assert outcome.counts.adds_up


def test_a_gzip_with_a_wrong_checksum_keeps_its_lines_but_the_last(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TEXT, mtime=0))
    packed[-6] ^= 0xFF
    whole, outcome = read_text(tmp_path, TEXT), read_text(tmp_path, bytes(packed))
    assert outcome.account.truncated[0].truncated.startswith("broken gzip: ")
    assert outcome.rows == whole.rows[: len(outcome.rows)]
    assert len(whole.rows) - 10 < len(outcome.rows) < len(whole.rows)


MEASURE = """
import resource, sys, threading, os
from flowlens.records.parser import Wanted
from flowlens.reading.reader import Reading
from flowlens.inputs.find import find
from flowlens.core.errors import NoInputError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def run(path):
    lines = []
    reading = Reading(find([path]), Wanted(("bytes", "srcaddr")), on_malformed=lines.append)
    try:
        rows = sum(table.num_rows for table in reading)
    except NoInputError as error:
        print("refused", str(error).replace(path, "")[2:60])
        rows = 0
    total = reading.account.total
    assert total.adds_up
    print(rows, total.lines, total.malformed, [line.length for line in lines][:3])

run(sys.argv[1])
before = peak()
run(sys.argv[2])
print("grew", peak() - before)
"""


def measured(small: Path, large: Path) -> tuple[list[str], int]:
    """What a read of the large file prints, and by how many MB the process grew for it."""
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, small, large],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    *told, grew = ran.stdout.splitlines()[1:]
    return told, int(grew.split()[1])


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.log"
    path.write_bytes(TEXT * 20)
    return path


def packed(path: Path, head: bytes, repeated: bytes, times: int) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(times):
            file.write(repeated)
    return path


def test_a_gigabyte_of_zeros_is_refused_in_flat_memory(tmp_path: Path, small: Path) -> None:
    bomb = packed(tmp_path / "bomb.gz", b"", bytes(1 << 20), 1024)
    told, grew = measured(small, bomb)
    assert told == ["refused no flow-log layout fits: it is binary", "0 0 0 []"]
    assert grew < 150


def test_a_gigabyte_of_zeros_behind_records_is_one_malformed_line(
    tmp_path: Path, small: Path
) -> None:
    bomb = packed(tmp_path / "bomb.gz", TEXT, bytes(1 << 20), 1024)
    told, grew = measured(small, bomb)
    assert told == [f"400 402 1 [{1 << 30}]"]
    assert grew < 150


def test_a_line_of_a_hundred_megabytes_is_one_malformed_line(tmp_path: Path, small: Path) -> None:
    path = tmp_path / "long.log"
    with path.open("wb") as file:
        file.write(TEXT)
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + TEXT)
    told, grew = measured(small, path)
    assert told == ["800 803 1 [100000000]"]
    assert grew < 150


def test_a_header_in_every_second_line_is_heeded_every_time(tmp_path: Path) -> None:
    one = "srcaddr dstaddr bytes\n192.0.2.1 192.0.2.2 5\n"
    pair = one + "bytes dstaddr srcaddr\n6 192.0.2.2 192.0.2.1\n"
    (tmp_path / "a.log").write_text(pair * 1000)
    outcome = read(tmp_path / "a.log", columns=("srcaddr", "bytes"))
    assert outcome.counts == Counts(lines=4000, headers=2000, ok=2000)
    expected = [{"srcaddr": "192.0.2.1", "bytes": size} for size in (5, 6)] * 1000
    assert outcome.rows == expected


def test_thousands_of_tiny_files_of_alternating_layouts_are_joined(tmp_path: Path) -> None:
    texts = (
        f"{DEFAULT_HEADER}\n{GOOD}\n",
        "bytes srcaddr dstaddr\n7 192.0.2.7 192.0.2.8\n7 192.0.2.7 192.0.2\n",
        f"{GOOD}",
    )
    for index in range(3000):
        (tmp_path / f"{index:04}.log").write_text(texts[index % 3])
    outcome = read(tmp_path, columns=("srcaddr", "bytes"))
    assert outcome.counts == Counts(
        lines=6000, headers=2000, ok=3000, malformed=1000, reasons={"bad_address": 1000}
    )
    assert {(line.line, line.reason) for line in outcome.malformed} == {(3, "bad_address")}
    assert len({line.source for line in outcome.malformed}) == 1000
    assert sum(found["bytes"] for found in outcome.rows) == 2000 * 4249 + 1000 * 7
    for index, source in enumerate(outcome.account.sources):
        assert source.counts.lines == (2, 3, 1)[index % 3]


@pytest.mark.parametrize("mark", ["x\x01", "x^", "x\x9c", "BZh9", "\x1f\x8b"])
def test_a_line_that_begins_like_compressed_data_is_a_line(tmp_path: Path, mark: str) -> None:
    text = f"{DEFAULT_HEADER}\n{mark}\n{GOOD}\n".encode("latin-1")
    outcome = read_text(tmp_path, text)
    assert (outcome.counts.malformed, outcome.counts.ok) == (1, 1)
    named = b"vpc-id dstport start end\nx^y 22 5 6\n"
    (tmp_path / "b.log").write_bytes(named)
    rows = read(tmp_path / "b.log", columns=("vpc_id", "dstport")).rows
    assert [list(row.values()) for row in rows] == [["x^y", 22]]
