"""One network's traffic in every form: whatever it arrives in, the report is the same.

A directory of default-format text as AWS delivers it to S3 is turned into every envelope and every
shape of Parquet, a file for each ENI as CloudWatch keeps them, and reported on. It is the demo; for
another one, and with patience:

    FLOWLENS_TRAFFIC=DIR pytest tests/test_traffic.py
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import envelopes
import parquetfiles
import pytest
from reading import DEFAULT_HEADER

import flowlens as fl
from flowlens.cli.main import main
from flowlens.core.counts import MalformedLine
from flowlens.pipeline.run import Listener

DEMO = Path(__file__).parents[1] / "fixtures" / "demo"
TRAFFIC = Path(os.environ.get("FLOWLENS_TRAFFIC") or DEMO)
NAMES = DEFAULT_HEADER.split()
ENI = NAMES.index("interface-id")

Streams = dict[str, list[str]]


def facts(path: Path) -> dict[str, Any]:
    """What a report says, but for how it was made and what depends on the form."""
    with tempfile.NamedTemporaryFile() as out:
        assert main(["report", str(path), "--format", "json", "--quiet", "-o", out.name]) == 0
        report: dict[str, Any] = json.loads(Path(out.name).read_bytes())
    del report["made"]
    for name in ("files", "lines", "headers"):
        del report["read"][name]
    return report


def facts_of(streams: Streams, write: Callable[[Sequence[str]], bytes]) -> Any:
    """What a report on these says, each written as a file."""
    with tempfile.TemporaryDirectory() as place:
        for number, lines in enumerate(streams.values()):
            Path(place, f"{number:04}").write_bytes(write(lines))
        return facts(Path(place))


def plain(lines: Sequence[str]) -> bytes:
    return "\n".join([DEFAULT_HEADER, *lines, ""]).encode()


@pytest.fixture(scope="module")
def streams() -> Streams:
    """The lines of each ENI, in the order of the files."""
    found: Streams = {}
    for path in sorted(TRAFFIC.rglob("*.log.gz")):
        header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        assert header == DEFAULT_HEADER, f"{path}: not the default format"
        for line in lines:
            found.setdefault(line.split(" ")[ENI], []).append(line)
    return found


@pytest.fixture(scope="module")
def delivered() -> Any:
    """What the report says of the directory as it is."""
    found = facts(TRAFFIC)
    assert found["totals"]["records"] > 1000
    return found


@pytest.fixture(scope="module")
def whole(streams: Streams, tmp_path_factory: pytest.TempPathFactory) -> Streams:
    """The lines without malformed ones: in Parquet addresses are taken as they are."""
    place = tmp_path_factory.mktemp("whole")
    found: list[MalformedLine] = []
    for number, lines in enumerate(streams.values()):
        (place / str(number)).write_bytes(plain(lines))
    fl.read(place).listening(Listener(on_malformed=found.append)).check()
    aside = {line.text for line in found}
    return {eni: [line for line in lines if line not in aside] for eni, lines in streams.items()}


@pytest.fixture(scope="module")
def reported(whole: Streams) -> Any:
    """What the report says of the whole lines."""
    return facts_of(whole, plain)


@pytest.mark.parametrize("form", envelopes.FORMS)
def test_in_every_envelope_the_report_is_the_same(form, streams, delivered):
    assert facts_of(streams, envelopes.FORMS[form]) == delivered


def test_all_in_one_file_the_report_is_the_same(streams, delivered):
    together = {"all": [line for lines in streams.values() for line in lines]}
    for form in ("subscription", "Insights JSON of fields", "console CSV"):
        assert facts_of(together, envelopes.FORMS[form]) == delivered


@pytest.mark.parametrize("form", parquetfiles.FORMS)
def test_as_parquet_the_report_is_the_same(form, whole, reported):
    write = partial(parquetfiles.FORMS[form], NAMES)
    assert facts_of(whole, write) == reported


def test_converting_leaves_malformed_lines_behind(streams, reported):
    write = partial(parquetfiles.FORMS["Parquet of flowlens"], NAMES)
    assert facts_of(streams, write) == reported
