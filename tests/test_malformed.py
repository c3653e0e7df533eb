"""Every fixture gives the same verdict on every line, however its bytes arrive."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import reading

from flowlens.core.counts import Counts
from flowlens.core.errors import NoInputError
from flowlens.reading.blocks import beginning
from flowlens.records.layouts import DuplicateFieldError, from_header

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures" / "malformed").glob("*.log"))
SIZES = ((1, 1), (1, 61), (7, 1000), (300, 97), (1 << 24, 1 << 20))
"""Bytes of a block and of the pieces that it is made of."""


def expected(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".expected").read_text())


def told(counts: Counts, malformed: list[tuple[int, str]]) -> dict[str, Any]:
    numbers = {field.name: getattr(counts, field.name) for field in fields(counts)}
    reasons = numbers.pop("reasons")
    return {
        "counts": numbers,
        "reasons": dict(sorted(reasons.items())),
        "malformed": [[line, str(reason)] for line, reason in malformed],
    }


READABLE = [path for path in FIXTURES if "unreadable" not in expected(path)]
UNREADABLE = [path for path in FIXTURES if "unreadable" in expected(path)]
named = pytest.mark.parametrize("path", READABLE, ids=lambda path: path.stem)


def test_each_fixture_has_its_verdict_and_each_verdict_its_fixture() -> None:
    assert READABLE
    assert UNREADABLE
    verdicts = FIXTURES[0].parent.glob("*.expected")
    assert {path.stem for path in verdicts} == {path.stem for path in FIXTURES}


@named
@pytest.mark.parametrize("form", reading.FORMS)
def test_a_file_is_judged_alike_in_every_compression(path: Path, form: str, tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(reading.FORMS[form](path.read_bytes()))
    outcome = reading.read(file)
    lines = [(line.line, line.reason) for line in outcome.malformed]
    assert told(outcome.counts, lines) == expected(path)
    assert outcome.counts.adds_up
    assert len(outcome.rows) == outcome.counts.records
    assert {line.source for line in outcome.malformed} <= {str(file)}
    assert outcome.account.sources[0].compression == form.split()[0].replace("plain", "")


@named
def test_a_stream_is_judged_as_a_file_is(path: Path, tmp_path: Path) -> None:
    with reading.pipe(tmp_path / "pipe", path.read_bytes()) as pipe:
        outcome = reading.read(pipe)
    lines = [(line.line, line.reason) for line in outcome.malformed]
    assert told(outcome.counts, lines) == expected(path)


@named
@pytest.mark.parametrize(("size", "piece"), SIZES)
def test_the_size_of_a_block_changes_no_verdict(path: Path, size: int, piece: int) -> None:
    data = path.read_bytes()
    if len(data) > 100_000:
        piece = max(piece, 1000)
    assert told(*reading.by_blocks(data, size, piece)) == expected(path)


def sets_layout(line: bytes) -> bool:
    try:
        return from_header(line.decode("utf-8", "replace")) is not None
    except DuplicateFieldError:
        return False


def single(path: Path) -> bool:
    """Whether no header stands within the file, for that would hold for its own source alone."""
    return not any(sets_layout(line) for line in path.read_bytes().split(b"\n")[1:])


@pytest.mark.parametrize("path", list(filter(single, READABLE)), ids=lambda path: path.stem)
def test_lines_that_are_sources_of_their_own_are_judged_alike(path: Path) -> None:
    data = path.read_bytes()
    layout, skip = beginning(data, None)
    text = data[skip:].removesuffix(b"\n")
    lines = [line + b"\n" for line in text.split(b"\n")] if text else []
    counts, malformed = reading.by_segments(layout, lines)
    counts.lines, counts.headers = counts.lines + (skip > 0), counts.headers + (skip > 0)
    shown = [(line + (skip > 0), reason) for line, reason in malformed]
    assert told(counts, shown) == expected(path)


@pytest.mark.parametrize("path", UNREADABLE, ids=lambda path: path.stem)
@pytest.mark.parametrize("form", reading.FORMS)
def test_a_source_without_a_layout_says_why(path: Path, form: str, tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(reading.FORMS[form](path.read_bytes()))
    with pytest.raises(NoInputError, match=expected(path)["unreadable"]) as caught:
        reading.read(file)
    assert "\n" not in str(caught.value)


def test_a_malformed_line_keeps_its_text_its_length_and_what_is_wrong(tmp_path: Path) -> None:
    long = reading.GOOD + " " + "x" * 70_000
    bad = reading.GOOD.replace("10.0.0.5", "10.0.0.1239")
    bytes_ = reading.GOOD.encode().replace(b"eni", b"\xff\x00")
    for name in ("a.log", "pipe"):
        data = f"{reading.GOOD}\n{bad}\n{long}\n".encode() + bytes_
        if name == "pipe":
            with reading.pipe(tmp_path / name, data) as pipe:
                outcome = reading.read(pipe)
        else:
            (tmp_path / name).write_bytes(data)
            outcome = reading.read(tmp_path / name)
        first, second, third = outcome.malformed
        assert (first.text, first.length) == (bad, len(bad))
        assert str(first).endswith(f"{name}:2: bad_address: dstaddr 10.0.0.1239")
        assert (second.text, second.length) == (long[:4096], len(long))
        assert third.text == bytes_.decode("utf-8", "backslashreplace")
        assert third.length == len(bytes_)
        assert outcome.account.sources[0].malformed == outcome.malformed
