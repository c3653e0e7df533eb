"""Scanners with names: what strangers put into their PTR records is safe in every format.

The golden files are written anew by `FLOWLENS_GOLDEN=write pytest tests/test_scanners_names.py`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.name
import pyarrow.parquet as pq
import pytest
from commands import command
from nameserver import NameServer, Zone
from rich.cells import cell_len
from scan_world import write
from test_cli import errors
from test_scanners_page import WAVE, golden
from test_scans_reasons import refused

import flowlens as fl
from flowlens.answers.scanners.page import text
from flowlens.core.errors import UsageError
from flowlens.naming.dns.table import FromFile
from flowlens.naming.lookup import naming

NAMED = ("name", "rdns_status", "confirmation", "operator", "brand")
HOSTILE = {
    "5.0.0.1": [b"\x1b[31mred\x07", b"evil", b"example"],
    "5.0.0.2": [b"<script>alert(1)</script>", b"example"],
    "5.0.0.3": [b"=cmd|' /C calc'!A0", b"example"],
    "5.0.0.4": ["\u202e\u200fgpj.\u2066".encode(), b"example"],
    "5.0.0.5": [b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61],
    "5.0.0.6": [b"|x\r\n`y`", b"[z](http://evil.example)", b"example"],
}
HONEST = {"5.0.0.7": "scan-7.shodan.io", "5.0.0.8": "liar.shodan.io"}
NOBODY = "5.0.0.9"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LINES = [
    line
    for number, source in enumerate((*HOSTILE, *HONEST, NOBODY))
    for line in refused(source, 14 - number)
]


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    """Serves all of them; one name leads back to its address, one leads elsewhere."""
    rows: list[tuple[Any, ...]] = [
        (address, dns.name.Name([*labels, b""])) for address, labels in HOSTILE.items()
    ]
    rows += [("5.0.0.7", HONEST["5.0.0.7"]), ("5.0.0.8", HONEST["5.0.0.8"])]
    rows += [(HONEST["5.0.0.8"], "5.9.9.9")]
    with NameServer(Zone.of(rows)) as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("logs") / "flows.log", [*LINES, *WAVE])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "names.sqlite"


def asked(server: NameServer, cache: Path, place: Path, *more: object) -> bytes:
    """What a run gives that may ask; nothing went wrong."""
    done = command(
        "scanners", place, "--rdns", "on", "--resolver", server.address, "--rdns-cache", cache,
        "--rdns-rate", "5000", *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def rows(server: NameServer, cache: Path, place: Path) -> dict[str, dict[str, Any]]:
    told = json.loads(asked(server, cache, place, "-f", "json"))
    return {row["srcaddr"]: row for row in told}


def test_a_row_holds_its_name_and_how_far_it_can_be_trusted(rows: dict[str, Any]) -> None:
    assert {*NAMED} <= {*rows["5.0.0.7"]}
    told = {source: tuple(row[name] for name in NAMED) for source, row in rows.items()}
    assert told["5.0.0.7"] == ("scan-7.shodan.io", "ok", "confirmed", "shodan.io", "Shodan")
    assert told["5.0.0.8"] == ("liar.shodan.io", "ok", "contradicted", "shodan.io", None)
    assert rows["5.0.0.8"]["claims"] == "Shodan"
    assert told[NOBODY][:2] == (None, "nxdomain")
    assert told["198.51.100.0/24"] == (None,) * 5
    assert len(rows["5.0.0.5"]["name"]) == 253
    assert rows["5.0.0.2"]["name"] == r"\060script\062alert\0401\041\060\047script\062.example"


@pytest.mark.parametrize("kind", ["table", "csv", "json", "jsonl", "markdown"])
def test_hostile_names_do_nothing_in_any_format(
    server: NameServer, cache: Path, place: Path, kind: str
) -> None:
    told = asked(server, cache, place, "-f", kind).decode()
    assert not CONTROL.search(told)
    assert "<script" not in told
    assert "=cmd" not in told
    assert "](http" not in told
    assert "evil" in told or kind == "table"
    for cell in next(csv.reader(io.StringIO(told))) if kind == "csv" else ():
        assert not cell.startswith(("=", "+", "-", "@"))


def test_csv_and_parquet_hold_the_names_of_the_json(
    server: NameServer, cache: Path, place: Path, rows: dict[str, Any], tmp_path: Path
) -> None:
    cells = csv.DictReader(io.StringIO(asked(server, cache, place, "-f", "csv").decode()))
    (tmp_path / "rows.parquet").write_bytes(asked(server, cache, place, "-f", "parquet"))
    stored = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    for row, cell, kept in zip(rows.values(), cells, stored, strict=True):
        for name in ("srcaddr", *NAMED):
            assert cell[name] == (row[name] or "")
            assert kept[name] == row[name]


@pytest.mark.parametrize("width", [None, 60, 140])
def test_the_page_with_names_fits_and_is_the_golden_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Path, width: int | None
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{a}\t{dns.name.Name([*labels, b'']).to_text()}" for a, labels in HOSTILE.items()]
    names += [f"{address}\t{name}" for address, name in HONEST.items()]
    names += [f"{HONEST['5.0.0.7']}\t5.0.0.7", f"{HONEST['5.0.0.8']}\t5.9.9.9"]
    Path("names.tsv").write_text("\n".join(names) + "\n")
    how = naming("on", resolver=FromFile("names.tsv"))
    page = text(fl.read(place).scanners(rdns=how), "flows.log", limit=0, width=width)
    for line in page.splitlines():
        assert cell_len(line) <= (width or 80), line
    assert not CONTROL.search(page)
    if width != 60:
        page = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: asked", "(then): asked", page)
        golden(f"names-{width or 80}.txt", page)


def test_nobody_is_asked_from_the_cache_and_the_rest_says_so(
    server: NameServer, cache: Path, place: Path, rows: dict[str, Any]
) -> None:
    before = server.total
    done = command("scanners", place, "--rdns", "cache", "--rdns-cache", cache, "-f", "json")
    assert {row["srcaddr"]: row for row in json.loads(done.stdout)} == rows
    assert server.total == before
    assert any(
        re.fullmatch(r"flowlens: names: .*: asked nobody, 9 from cache.*", line)
        for line in errors(done)
    )
    empty = cache.with_name("empty.sqlite")
    page = command("scanners", place, "--rdns", "cache", "--rdns-cache", empty).stdout.decode()
    assert "asked nobody, 0 from cache, 9 not_asked" in " ".join(page.split())


def test_the_library_remembers_names_without_asking(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: NameServer, place: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    flows = fl.read(place)
    unknown = flows.scanners(rdns="cache").arrow()
    assert set(unknown["rdns_status"].to_pylist()) == {"not_asked", None}
    flows.scanners(rdns=naming("on", resolvers=[server.address], rate=5000)).arrow()
    before = server.total
    found = flows.scanners(rdns="cache")
    names = dict(
        zip(*(found.arrow()[name].to_pylist() for name in ("srcaddr", "name")), strict=True)
    )
    assert names["5.0.0.7"] == "scan-7.shodan.io"
    assert server.total == before
    assert found.columns[-1].name == "network"
    assert "name" not in flows.scanners(rdns="off").arrow().column_names
    with pytest.raises(UsageError, match="sometimes"):
        flows.scanners(rdns="sometimes")


def test_a_notebook_shows_names_escaped(server: NameServer, cache: Path, place: Path) -> None:
    how = naming("on", resolvers=[server.address], rate=5000, cache=cache)
    page = fl.read(place).scanners(rdns=how)._repr_html_()
    assert "scan-7.shodan.io" in page
    assert "whose scanner it is, as far as that is proven" in page
    assert "<script" not in page
    assert not CONTROL.search(page)


def test_only_those_that_scan_are_asked_about(
    server: NameServer, cache: Path, tmp_path: Path, place: Path
) -> None:
    lines = [*refused("5.0.0.7", 9), *refused("5.0.1.1", 2)]
    log = write(tmp_path / "flows.log", lines)
    told = asked(server, tmp_path / "own.sqlite", log, "--tier", "all", "-f", "json")
    statuses = {row["srcaddr"]: row["rdns_status"] for row in json.loads(told)}
    assert statuses == {"5.0.0.7": "ok", "5.0.1.1": None}
    assert server.times("5.0.1.1") == 0
