"""A job replaces and removes what it published itself, and nothing that lies beside or within."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from job_place import Place, line, moment

from flowlens.batch.jobfile.loading import load
from flowlens.batch.ownership import Output
from flowlens.batch.store.place import working
from flowlens.batch.upkeep import prune

DAY = "2025-11-23"
TIMES = ("23T10:00", "24T10:00")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that has published two days."""
    here = Place(tmp_path_factory.mktemp("made") / "job")
    for start in TIMES:
        here.log(f"{start[:2]}.log", [line(start)])
    here.job()
    here.run()
    return here.directory


@pytest.fixture
def once(made: Path, tmp_path: Path) -> Place:
    """The same, to be spoilt."""
    return Place(Path(shutil.copytree(made, tmp_path / "job")))


def late(here: Place) -> None:
    """Something new on both days."""
    for start in TIMES:
        here.log(f"late{start[:2]}.log", [line(start, port=80)])


def everything(directory: Path) -> dict[str, object]:
    """All that lies below a directory, links as links."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        else:
            found[str(path)] = path.read_bytes() if path.is_file() else path.stat().st_mode
    return found


def told(place: Path, **other: object) -> None:
    """Let a `run.json` say something else."""
    about = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(json.dumps({**about, **other}))


def elsewhere(place: Path) -> Path:
    """A directory of the user's own, apart from the job's."""
    there = place.parents[1] / "own"
    there.mkdir(exist_ok=True)
    (there / "thesis.txt").write_text("precious")
    return there


def a_file_beside(place: Path) -> None:
    (place / "notes.txt").write_text("precious")


def a_hidden_file(place: Path) -> None:
    (place / ".notes.part").write_text("precious")


def a_folder_within(place: Path) -> None:
    (place / "sub/deep").mkdir(parents=True)
    (place / "sub/deep/notes.txt").write_text("precious")


def an_empty_folder_within(place: Path) -> None:
    (place / "sub").mkdir()


def a_link_within(place: Path) -> None:
    (place / "link").symlink_to(elsewhere(place))


def a_listed_file_that_is_a_link(place: Path) -> None:
    (place / "rejected_by_port.csv").unlink()
    (place / "rejected_by_port.csv").symlink_to(elsewhere(place) / "thesis.txt")


def a_listed_file_that_is_a_folder(place: Path) -> None:
    (place / "rejected_by_port.csv").unlink()
    (place / "rejected_by_port.csv").mkdir()
    (place / "rejected_by_port.csv/notes.txt").write_text("precious")


def a_pipe_within(place: Path) -> None:
    os.mkfifo(place / "pipe")


def a_link_in_its_place(place: Path) -> None:
    place.rename(place.parents[1] / "moved")
    place.symlink_to(place.parents[1] / "moved")


def a_dangling_link_in_its_place(place: Path) -> None:
    shutil.rmtree(place)
    place.symlink_to("nowhere")


def a_file_in_its_place(place: Path) -> None:
    shutil.rmtree(place)
    place.write_text("precious")


def a_folder_without_a_record(place: Path) -> None:
    shutil.rmtree(place)
    place.mkdir()
    (place / "notes.txt").write_text("precious")


def a_record_of_another_job(place: Path) -> None:
    told(place, job="other")


def a_record_of_another_store(place: Path) -> None:
    told(place, store="0" * 16)


def a_record_of_an_unknown_run(place: Path) -> None:
    told(place, run="20251124T000000Z-00000000")


def a_record_that_is_no_json(place: Path) -> None:
    (place / "run.json").write_bytes(b"\xff\xfe{")


def a_record_that_is_deep(place: Path) -> None:
    (place / "run.json").write_text("[" * 100_000)


def a_record_that_is_huge(place: Path) -> None:
    with (place / "run.json").open("r+b") as file:
        file.truncate(1 << 40)


def a_record_that_is_a_pipe(place: Path) -> None:
    (place / "run.json").unlink()
    os.mkfifo(place / "run.json")


def a_record_that_is_a_link(place: Path) -> None:
    (place / "run.json").rename(elsewhere(place) / "run.json")
    (place / "run.json").symlink_to(place.parents[1] / "own/run.json")


def a_record_that_lists_nothing(place: Path) -> None:
    told(place, outputs=None)


FOREIGN = [
    a_file_beside,
    a_hidden_file,
    a_folder_within,
    an_empty_folder_within,
    a_link_within,
    a_listed_file_that_is_a_link,
    a_listed_file_that_is_a_folder,
    a_pipe_within,
    a_link_in_its_place,
    a_dangling_link_in_its_place,
    a_file_in_its_place,
    a_folder_without_a_record,
    a_record_of_another_job,
    a_record_of_another_store,
    a_record_of_an_unknown_run,
    a_record_that_is_no_json,
    a_record_that_is_deep,
    a_record_that_is_huge,
    a_record_that_is_a_pipe,
    a_record_that_is_a_link,
    a_record_that_lists_nothing,
]
SPARSE = [each for each in FOREIGN if each is not a_record_that_is_huge]
"""Those that can be read whole to see that nothing changed."""


def around(here: Place) -> list[object]:
    """The day's directory, and what of it lies elsewhere."""
    places = [here.directory / name for name in (f"out/{DAY}", "own", "moved")]
    return [
        everything(place) if place.is_dir() else place.read_bytes()
        for place in places
        if place.exists()
    ]


def one_line(here: Place, what: str = "run", code: int = 1) -> str:
    (said,) = here.batch(what, code=code).stderr.decode().splitlines()
    return said


@pytest.mark.parametrize("foreign", SPARSE)
def test_an_interval_in_which_something_foreign_lies_is_refused_and_no_other(
    once: Place, foreign: Callable[[Path], None]
) -> None:
    place = once.directory / "out" / DAY
    foreign(place)
    late(once)
    before = around(once)
    said = one_line(once)
    assert said.startswith(f"flowlens: {DAY}: not published: {place}: ")
    assert around(once) == before
    assert (once.told()["published"], once.told()["failed"]) == (["2025-11-24"], [DAY])
    assert len(once.rows("2025-11-24/rejected_by_port.csv")) == 2
    assert not list((once.directory / "out").glob(".*"))


def test_a_record_of_a_terabyte_is_nobodys(once: Place) -> None:
    a_record_that_is_huge(once.directory / "out" / DAY)
    late(once)
    assert "which this job didn't publish" in one_line(once)
    assert (once.directory / "out" / DAY / "run.json").stat().st_size == 1 << 40


def test_what_was_refused_is_published_once_the_foreign_thing_has_gone(once: Place) -> None:
    a_file_beside(once.directory / "out" / DAY)
    late(once)
    one_line(once)
    one_line(once)
    (once.directory / "out" / DAY / "notes.txt").unlink()
    assert once.run()["published"] == [DAY]
    assert len(once.rows(f"{DAY}/rejected_by_port.csv")) == 2
    assert once.run()["nothing_new"]


@pytest.mark.parametrize("foreign", SPARSE)
def test_what_is_not_kept_any_longer_goes_but_for_what_is_foreign(
    once: Place, foreign: Callable[[Path], None]
) -> None:
    once.job('[retention]\noutputs = "3d"\n')
    place = once.directory / "out" / DAY
    foreign(place)
    before = everything(once.directory / "out")
    with working(load(once.file)) as store:
        for really in (False, True):
            gone, _ = prune(store, load(once.file), moment("30T00:00"), really=really)
            assert [path.name for path in gone] == ["2025-11-24"]
    after = everything(once.directory / "out")
    assert {name: after.get(name) for name in before if DAY in name} == {
        name: before[name] for name in before if DAY in name
    }
    assert not (once.directory / "out/2025-11-24").exists()


def test_what_lies_in_an_output_is_nobodys_business(here: Place) -> None:
    """Directories with the names of intervals, leftovers of others, a record."""
    out = here.directory / "out"
    own = {
        "2020-01-01/thesis.txt": "precious",
        "2020-01-02/run.json": '{"job": "other", "store": "0123456789abcdef"}',
        ".report.partial": "y",
        ".2025-11-23-0123456789ab.part/x.csv": "of another job that is at work",
        ".2025-11-23-0123456789abcdef-0123456789ab.part/x.csv": "of another store",
        ".run.json-0123456789ab.part": "{}",
        "notes.part": "precious",
    }
    for name, text in own.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    here.log("a.log", [line("23T10:00")])
    here.job('[retention]\noutputs = "30000d"\n')
    here.run()
    here.job('[retention]\noutputs = "30d"\n')
    here.run()
    assert {name: (out / name).read_text() for name in own} == own


def test_a_record_of_the_last_run_that_is_foreign_stays(here: Place) -> None:
    here.log("a.log", [line("23T10:00")])
    here.job()
    (here.directory / "out").mkdir()
    for text in ("precious", '{"job": "other"}', "[]"):
        (here.directory / "out/run.json").write_text(text)
        assert "run.json: is" in one_line(here)
        assert (here.directory / "out/run.json").read_text() == text
    assert json.loads(here.batch("status", "-f", "json").stdout)["last_run"] is None
    (here.directory / "out/run.json").unlink()
    assert here.run()["published"] == []


def test_two_jobs_with_one_output_leave_each_others_things_alone(once: Place) -> None:
    before = once.published(), once.told()
    other = Place(once.directory / "other")
    other.directory.mkdir()
    for own_name in ("other", "rejects"):  # another job, and the same with a store of its own
        shutil.rmtree(other.store, ignore_errors=True)
        other.job(name=f'"{own_name}"', inputs='["../logs/"]', output='"../out/"')
        lines = other.batch("run", code=1).stderr.decode().splitlines()
        assert len(lines) == 2, "one for each interval"
        assert all("an output of its own" in text for text in lines)
        assert (once.published(), once.told()) == before


def test_a_store_that_was_copied_does_not_fight_with_the_first(once: Place) -> None:
    shutil.copytree(once.directory, once.directory.parent / "copy")
    copy = Place(once.directory.parent / "copy")
    copy.job(output=f'"{once.directory}/out/"', inputs=f'["{once.directory}/logs/"]')
    late(once)
    once.run()
    before = once.published()
    lines = copy.batch("run", code=1).stderr.decode().splitlines()
    assert all("perhaps from a copy of it" in text for text in lines)
    assert once.published() == before


def test_a_ledger_of_another_store_is_refused(once: Place) -> None:
    other = Place(once.directory.parent / "other")
    other.log("a.log", [line("23T10:00")])
    other.job()
    other.run()
    shutil.copy(other.store / "ledger.sqlite", once.store / "ledger.sqlite")
    assert "the ledger of another store" in one_line(once, code=2)


def aged(here: Place) -> None:
    """Make of a job what a flowlens left that knew no ids and no checksums."""
    mark = here.store / "flowlens-store.json"
    about = json.loads(mark.read_text())
    del about["id"]
    mark.write_text(json.dumps(about) + "\n")
    for path in (here.directory / "out").glob("**/run.json"):
        about = json.loads(path.read_text())
        del about["store"]
        path.write_text(json.dumps(about, indent=1) + "\n")
    with sqlite3.connect(here.store / "ledger.sqlite") as ledger:
        ledger.execute("alter table parts drop column sha256")
        ledger.execute("drop table publishers")
        ledger.execute("delete from about where key in ('store', 'outputs')")
    ledger.close()


def test_what_an_earlier_flowlens_left_is_taken_over_once_and_that_is_said(once: Place) -> None:
    before = once.published()
    aged(once)
    once.batch("status")
    once.batch("plan")
    lines = once.batch("run").stderr.decode().splitlines()
    assert [text for text in lines if "taken over" in text] == lines[:2]
    assert "2025-11-23, 2025-11-24 taken over" in lines[0]
    assert "2 parts of a flowlens that wrote no checksums" in lines[1]
    assert all(sha256 for (sha256,) in once.ledger("select sha256 from parts"))
    assert json.loads((once.store / "flowlens-store.json").read_text())["id"]
    late(once)
    assert once.batch("run").stderr.count(b"\n") == 1
    assert once.told()["published"] == ["2025-11-23", "2025-11-24"]
    assert once.told(DAY)["store"] == once.told()["store"]
    assert set(once.published()) == set(before)


def test_a_store_whose_ledger_was_made_anew_knows_its_output(once: Place) -> None:
    (once.store / "ledger.sqlite").unlink()
    once.batch("rebuild")
    late(once)
    once.batch("run")
    assert once.told()["published"] == ["2025-11-23", "2025-11-24"]


def test_an_output_may_be_a_link_and_an_interval_an_empty_directory(here: Place) -> None:
    (here.directory / "real").mkdir()
    (here.directory / "out").symlink_to("real")
    (here.directory / "out" / DAY).mkdir()
    here.log("a.log", [line("23T10:00")])
    here.job()
    assert here.run()["published"] == [DAY]
    assert (here.directory / "real" / DAY / "run.json").is_file()


def test_a_file_that_comes_while_an_interval_is_swapped_is_not_lost(
    once: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, published = once.directory / "out" / DAY, Output.published

    def looked(output: Output, name: str) -> object:
        about = published(output, name)
        a_file_beside(place)
        return about

    with working(load(once.file)) as store:
        output = Output.of(load(once.file), store)
        part = output.draft(DAY, "r")
        monkeypatch.setattr(Output, "published", looked)
        with pytest.raises(Exception, match=r"holds notes\.txt"):
            output.put(part, DAY, output.claim())
        output.discard(part)
    assert (place / "notes.txt").read_text() == "precious"
    assert (place / "rejected_by_port.csv").is_file()
    assert sorted(path.name for path in (once.directory / "out").iterdir()) == [
        DAY,
        "2025-11-24",
        "run.json",
    ]


def test_a_leftover_that_holds_something_foreign_is_told_of_and_stays(once: Place) -> None:
    mark = once.told()["store"]
    left = once.directory / f"out/.{DAY}-{mark}-0123456789ab.part"
    shutil.copytree(once.directory / "out" / DAY, left)
    a_file_beside(left)
    assert f"{left}: holds notes.txt" in one_line(once)
    assert (left / "notes.txt").read_text() == "precious"
    (left / "notes.txt").unlink()
    assert one_line(once, code=0) == "flowlens: nothing new"
    assert not left.exists()
