"""What keeps a store small and whole: retention, damaged parts, a ledger made anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from job_place import Place, fill, line, moment

from flowlens.batch.jobfile.loading import load
from flowlens.batch.store.place import working
from flowlens.batch.upkeep import prune


def test_a_part_whose_bytes_are_damaged_is_read_again(here):
    here.log("a.log", [line("20T07:00", src=f"192.0.2.{n}") for n in range(200)])
    here.job()
    here.run()
    before = (here.directory / "out/2025-11-20/rejected_by_port.csv").read_bytes()
    (part,) = here.store.glob("flows/day=2025-11-20/*.parquet")
    data = bytearray(part.read_bytes())
    pages = pq.read_metadata(part).row_group(0).column(13)
    end = pages.data_page_offset + pages.total_compressed_size
    data[4:end] = bytes(end - 4)
    part.write_bytes(data)
    shutil.rmtree(here.directory / "out/2025-11-20")
    (said,) = here.batch("run", code=1).stderr.decode().splitlines()
    assert "the part is damaged and set aside in" in said
    assert f"flowlens batch run {here.file}" in said
    assert here.run()["published"] == ["2025-11-20"]
    assert (here.directory / "out/2025-11-20/rejected_by_port.csv").read_bytes() == before


RETAINED = {"records": "flows", "rollups": "rollups", "state": "state", "outputs": "out"}


def keeps(here: Place, what: str) -> dict[str, set[str]]:
    """Of which days each part of a job has something."""
    places = {**{n: f"store/{d}/**/day=*" for n, d in RETAINED.items()}, "state": "store/state/*",
              "outputs": "out/2*"}  # fmt: skip
    days = {
        name: {
            path.name.removeprefix("day=")
            for path in here.directory.glob(pattern)
            if any(path.iterdir())
        }
        for name, pattern in places.items()
    }
    assert days[what] is not None
    return days


@pytest.mark.parametrize("what", RETAINED)
def test_what_is_not_kept_is_pruned_and_nothing_else(here, what):
    for day in (20, 22):
        here.log(f"{day}.log", [line(f"{day}T10:00")])
    here.job(f'[retention]\n{what} = "3d"\n', summaries='["totals"]', queries="")
    both, last = {"2025-11-20", "2025-11-22"}, {"2025-11-22"}
    here.run_at("23T02:00")
    assert keeps(here, what) == dict.fromkeys(RETAINED, both)
    with working(load(here.file)) as store:
        gone, _ = prune(store, load(here.file), moment("24T00:00"), really=False)
        assert keeps(here, what) == dict.fromkeys(RETAINED, both)
        assert gone
        assert prune(store, load(here.file), moment("24T00:00")) == (gone, [])
    assert keeps(here, what) == {**dict.fromkeys(RETAINED, both), what: last}
    assert here.run_at("24T00:00")["nothing_new"]
    assert keeps(here, what) == {**dict.fromkeys(RETAINED, both), what: last}


def test_prune_says_what_would_go_and_lets_it_go(here):
    fill(here)
    here.job()
    here.run()
    here.job('[retention]\nrecords = "30d"\n')
    said = here.batch("prune", "--dry-run").stdout.decode().splitlines()
    assert [path for path in said if not Path(path).exists()] == []
    assert len(said) == 2
    assert here.batch("prune", "--quiet").stderr == b""
    assert [path for path in said if Path(path).exists()] == []
    assert json.loads((here.store / "manifest.json").read_text())["parts"] == []


def test_a_late_object_of_a_pruned_day_changes_nothing_that_is_published(here):
    for day in (20, 22):
        here.log(f"{day}.log", [line(f"{day}T10:00")])
    here.job('[retention]\nrecords = "3d"\n', summaries='["totals"]')
    here.run_at("23T02:00")
    here.run_at("24T02:00")
    before = here.published()
    here.log("late.log", [line("20T11:00", port=80), line("22T11:00", port=80)])
    ran = here.run_at("24T03:00")
    assert (ran["records"], ran["published"]) == (2, ["2025-11-22"])
    after = here.published()
    assert {n for n in after if after[n] != before[n]} == {
        f"2025-11-22/{name}" for name in ("rejected_by_port.csv", "totals.csv", "run.json")
    }
    assert [row["records"] for row in here.rows("2025-11-22/totals.csv")] == ["1", "2"]
    assert keeps(here, "records")["records"] == {"2025-11-22"}


def test_a_ledger_made_anew_from_the_parts_leads_to_the_same(here):
    fill(here)
    here.log("empty.log", [])
    here.job()
    here.run()
    before, objects = here.published(), here.ledger("select * from objects order by name")
    (here.store / "ledger.sqlite").unlink()
    done = here.batch("run", code=1)
    assert b"flowlens batch rebuild" in done.stderr
    here.batch("rebuild")
    ran = here.run()
    assert (ran["new"], ran["changed"], ran["published"]) == (1, 0, [])
    assert here.published() == before
    found = here.ledger("select * from objects order by name")
    assert [row[1:] for row in found] == [row[1:] for row in objects]
    here.log("c.log", [line("23T13:00")])
    assert here.run()["published"] == ["2025-11-23"]
    assert here.told("2025-11-23")["records"] == 5
