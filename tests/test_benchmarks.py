"""The benchmarks compare like with like: same data for a seed, same rows from every peer."""

import doctest
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))

from benchmarks import commands, datasets, measure  # noqa: E402
from benchmarks.contests import contests  # noqa: E402
from benchmarks.datasets import Dataset  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "DATA", tmp_path_factory.mktemp("data"))
        dataset = Dataset("large", 20_000)
        datasets.make(dataset)
        yield dataset


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def printed(arguments):
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def ours(data):
    arguments = ("query", commands.QUERY, str(data.directory), "-f", "csv")
    rows = printed([sys.executable, "-P", "-m", "flowlens", *arguments])
    assert rows.count(b"\n") > 1000
    return rows


@pytest.mark.parametrize("peer", commands.PRINTING.values(), ids=commands.PRINTING)
def test_a_peer_prints_the_rows_of_flowlens(data, ours, peer):
    assert printed(peer(data).arguments) == ours


def test_flowlogs_reader_prints_the_rows_of_flowlens(data, ours):
    script = commands.PEERS / "flowlogs_reader_query.py"
    assert printed([sys.executable, str(script), str(data.directory)]) == ours


def test_awk_counts_as_flowlens_does(data, ours):
    rows = {line.rsplit(b",", 2)[0] for line in printed(commands.zcat_awk(data).arguments).split()}
    assert rows == {line.rsplit(b",", 2)[0] for line in ours.split()[1:]}


def test_wc_and_inflating_see_every_byte(data):
    texts = [gzip.decompress(path.read_bytes()) for path in data.directory.iterdir()]
    assert int(printed(commands.zcat_wc(data).arguments)) == data.records + len(texts)
    assert int(printed(commands.inflate(data).arguments)) == sum(map(len, texts))


def test_every_thousandth_line_of_the_malformed_set_is_malformed(data):
    spoilt = Dataset("malformed", data.records)
    datasets.make(spoilt)
    arguments = ("check", str(spoilt.directory), "-f", "json")
    said = json.loads(printed([sys.executable, "-P", "-m", "flowlens", *arguments]))
    assert said["malformed"] == data.records // 1_000
    assert set(said["reasons"]) == {"bad_address", "bad_integer", "out_of_range", "field_count"}


def test_the_same_seed_gives_the_same_files(data, tmp_path, monkeypatch):
    first = contents(data.directory)
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    assert contents(datasets.make(data)) == first
    monkeypatch.setattr(datasets, "SEED", 2)
    assert contents(datasets.make(data)) != first


def test_a_failing_command_is_no_measurement():
    command = measure.Command("fails", (sys.executable, "-c", "raise SystemExit('why')"))
    with pytest.raises(measure.CommandFailedError, match="why"):
        measure.run(command)


def test_contests_have_names_of_their_own_at_a_size():
    names = [contest.name for contest in contests([5_000_000])]
    assert len(names) == len(set(names))


def test_doctests_of_measuring():
    assert doctest.testmod(measure).failed == 0
