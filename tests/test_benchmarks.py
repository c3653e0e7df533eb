"""The benchmarks compare like with like: same data for a seed, same rows from every peer."""

import doctest
import gzip
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import parquets
import pyarrow.parquet as pq
import pytest

import flowlens as fl
from flowlens.records.fields import fields

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))

from benchmarks import __main__ as runner  # noqa: E402
from benchmarks import bucket, commands, datasets, jobs, measure, traffic  # noqa: E402
from benchmarks.contests import Bound, Contest, Target, contests  # noqa: E402
from benchmarks.datasets import JSON, KINDS, Dataset  # noqa: E402

ENVELOPES = {
    "pages": "pages of events",
    "pretty": "pages of events",
    "events": "events, one an object",
    "payloads": "subscription payloads",
    "firehose": "events, one an object",
    "structured": "records, one an object",
}
RECORD = ", ".join(field.column for field in fields().values() if field.version == 2)
FORMED = {name: kind.form for name, kind in KINDS.items() if kind.form}


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


def answer(place):
    arguments = ("query", commands.QUERY, str(place), "-f", "csv")
    return printed([sys.executable, "-P", "-m", "flowlens", *arguments])


def with_output(command):
    """The command, but its answer goes to stdout."""
    return [*command.arguments[: command.arguments.index("-o")]]


def records(dataset):
    flows = fl.read(str(dataset.directory))
    table = flows.sql(f"select {RECORD} from flows order by all").arrow()
    assert table.num_rows == dataset.records
    return table


def made(kind, data):
    dataset = Dataset(kind, data.records)
    datasets.make(dataset)
    return dataset


@pytest.fixture(scope="module")
def ours(data):
    rows = answer(data.directory)
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


# One set of each form; of JSON it is the compressed one.
@pytest.mark.parametrize("kind", {form: name for name, form in FORMED.items()}.values())
def test_a_set_in_another_form_holds_the_same_records(data, kind):
    assert records(made(kind, data)) == records(data)


@pytest.mark.parametrize("kind", JSON)
def test_a_set_of_json_is_one_plain_file_of_its_form(data, kind):
    dataset = made(kind, data)
    (source,) = fl.read(str(dataset.file(0))).check().to_dict()["sources"]
    assert source["lines"] == source["records"] == data.records
    assert source["compression"] == "none"
    assert source["envelope"] == ENVELOPES[kind]
    assert dataset.size == dataset.file(0).stat().st_size > 100 * data.records


@pytest.mark.parametrize("kind", JSON)
def test_the_envelope_alone_sees_every_record(data, kind):
    assert int(printed(commands.envelope(made(kind, data)).arguments)) == data.records


def test_duckdb_prints_the_rows_of_flowlens_over_parquet_and_counts_by_status(data, ours):
    said = subprocess.run(
        commands.duckdb_parquet(made("parquet", data)).arguments,
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert said.stdout.encode() == ours
    counts = dict(line.split() for line in said.stderr.splitlines())
    assert sum(map(int, counts.values())) == data.records
    assert counts.keys() == {"OK", "NODATA", "SKIPDATA"}


def test_the_parquet_set_has_the_names_and_types_of_aws(data):
    schema = pq.read_schema(made("parquet", data).file(0))
    assert schema.names == list(parquets.COLUMNS)
    assert schema.types == [parquets.aws_type(name) for name in schema.names]
    assert b"ARROW:schema" not in (schema.metadata or {})


def test_a_job_reads_a_set_into_a_store_and_steps_go_on_from_it(data):
    with jobs.filled(data):
        name = jobs.job_of(data)
        store = jobs.folder(name) / "store"
        assert fl.read(str(store)).check().to_dict()["records"] == data.records
        assert jobs.seconds(name, "read") > 0
        whole, flows = (jobs.bytes_a_record(name, data.records, d) for d in ("", "flows"))
        assert whole > flows > 5
        for what in ("rollups", "summaries"):
            printed(jobs.step(data, what).arguments)


def test_a_denser_set_lies_in_less_time():
    def length(pace):
        starts = traffic.records(100_000, seed=(1,), pace=pace)["start"]
        return starts.max() - starts.min()

    # Beside up to a minute by which the starts of a moment differ.
    assert length(1) - 60 == pytest.approx(4 * (length(4) - 60), rel=0.1)


def test_the_bucket_holds_every_file_and_is_gone_behind_its_contest(data, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "whoever")
    before = dict(os.environ)
    texts = [gzip.decompress(path.read_bytes()) for path in data.directory.iterdir()]
    with bucket.served(data):
        assert int(printed(commands.boto3_inflate().arguments)) == sum(map(len, texts))
        assert printed(with_output(commands.query_s3())) == answer(data.directory)
        url = os.environ["AWS_ENDPOINT_URL"]
    assert dict(os.environ) == before
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)


def test_a_bucket_without_a_server_is_an_error(data, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(measure.CommandFailedError, match="moto"), bucket.served(data):
        pass


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


def test_every_form_of_records_is_measured():
    measured = {data.kind for contest in contests([5_000_000]) for data in contest.data}
    assert measured >= FORMED.keys()


def test_what_stands_around_a_contest_is_there_while_it_runs(monkeypatch, capsys):
    seen = []

    @contextmanager
    def around():
        seen.append("begin")
        yield
        seen.append("end")

    def alternate(*_, **__):
        seen.append("run")
        return measure.Pair((measure.Cost(1.0, 1.0, 1),), (measure.Cost(2.0, 1.0, 1),))

    one = measure.Command("one", ("true",))
    target = Target("twice as fast", 2, lambda pair: 1 / pair.ratio, Bound.LEAST)
    contest = Contest("this", "it", one, one, targets=(target,), around=around)
    monkeypatch.setattr(runner, "contests", lambda sizes: [contest])
    monkeypatch.setattr(runner, "alternate", alternate)
    assert runner.main(["--only", "this", "--assert"]) == 0
    assert seen == ["begin", "run", "end"]
    assert "pass  twice as fast: 2, at least 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bound", "value", "met"),
    [
        (Bound.MOST, 1.29, True),
        (Bound.MOST, 1.31, False),
        (Bound.LEAST, 1.29, False),
        (Bound.LEAST, 1.31, True),
    ],
)
def test_a_number_is_held_to_its_side_of_the_limit(bound, value, met):
    assert Target("it", 1.3, lambda pair: value, bound).is_met(value) is met


def test_an_unknown_contest_is_named_with_those_there_are(capsys):
    assert runner.main(["--quick", "--only", "nothing"]) == runner.USAGE
    said = capsys.readouterr().err
    assert "'nothing'" in said
    assert "json-pages" in said


def test_doctests_of_measuring():
    assert doctest.testmod(measure).failed == 0
