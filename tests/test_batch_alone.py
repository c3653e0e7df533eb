"""What is wrong with one interval holds up no other; it is said in a line, and tried again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from job_place import Place, line

from flowlens.batch import publishing as intervals
from flowlens.batch import run as running
from flowlens.batch.jobfile.loading import load
from flowlens.batch.publish import interval as publishing
from flowlens.core.errors import FlowlensError, UsageError

DAYS = ("20", "21", "22")
BAD = "2025-11-21"

FAULTS = [
    UsageError("SQL: Conversion Error: a sum is out of range"),
    FlowlensError("out of room"),
    duckdb.ConversionException("a sum is out of range"),
    pa.ArrowInvalid("an overflow"),
    PermissionError(13, "Permission denied", "out/x"),
    OSError("what Arrow says of broken data"),
]


@pytest.fixture
def three(here: Place) -> Place:
    """A job that looks back, with three days to be published."""
    for day in DAYS:
        here.log(f"{day}.log", [line(f"{day}T07:00", src=f"192.0.2.{day}")])
    here.job("[mail]\n", summaries='["totals"]')
    return here


def failing(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, is_bad: Callable[..., bool], what: Any
) -> None:
    """Let a function fail where its arguments are bad."""
    really = getattr(module, name)

    def asked(*arguments: Any, **options: Any) -> Any:
        if is_bad(*arguments):
            raise what
        return really(*arguments, **options)

    monkeypatch.setattr(module, name, asked)


def of_bad_day(store: Any, job: Any, day: object, *rest: Any) -> bool:
    return getattr(day, "name", day) == BAD


STEPS = [
    (running, "summarise", of_bad_day),
    (intervals, "publish", of_bad_day),
    (publishing, "judge", of_bad_day),
    (publishing, "summaries", of_bad_day),
    (publishing, "mail", lambda job, interval, *rest: interval.name == BAD),
    (publishing, "origins", lambda store, interval: interval.name == BAD),
]


def ran(here: Place) -> list[str]:
    """A run that fails; what it says, a line each."""
    said: list[str] = []
    with pytest.raises(FlowlensError) as caught:
        running.run(load(here.file), warn=said.append)
    assert caught.value.exit_code == 1
    return [str(caught.value), *said]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
def test_a_step_that_fails_for_one_interval_holds_up_no_other(
    three: Place, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    fault = FAULTS[0]
    with monkeypatch.context() as patched:
        failing(patched, *step, fault)
        (said,) = ran(three)
        assert said.startswith(f"{BAD}: not published: {fault}")
        assert three.told()["failed"] == [BAD]
    assert not (three.directory / "out" / BAD).exists()
    before = three.published()
    assert {name[:10] for name in before} == {"2025-11-20", "2025-11-22"}
    # What comes after it stands on it, and is made anew.
    assert three.run()["published"][0] == BAD
    assert three.run()["nothing_new"]
    assert [row["start_time"][:10] for row in three.rows("2025-11-22/totals.csv")] == [
        f"2025-11-{day}" for day in DAYS
    ]
    assert three.told("2025-11-22")["remarks"] == []


def test_later_intervals_say_which_day_their_totals_lack(
    three: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = f"{BAD} couldn't be summed up; totals and other summaries lack that, or have it as it"
    with monkeypatch.context() as patched:
        failing(patched, running, "summarise", of_bad_day, FAULTS[0])
        ran(three)
    told = three.told()
    assert (told["failed"], told["failed_days"]) == ([BAD], [BAD])
    assert told["remarks"] == [f"2025-11-22: {lacks} was before"]
    assert three.told("2025-11-20")["remarks"] == []
    assert three.told("2025-11-22")["remarks"] == [f"{lacks} was before"]
    mail = (three.directory / "out/2025-11-22/mail.txt").read_text()
    assert f"Note: {BAD} couldn't be summed up; medians lack that." in " ".join(mail.split())
    three.run()
    assert three.told("2025-11-22")["remarks"] == []


@pytest.mark.parametrize("fault", FAULTS[1:])
def test_whatever_the_reason(
    three: Place, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    failing(monkeypatch, intervals, "publish", of_bad_day, fault)
    (said,) = ran(three)
    assert said.startswith(f"{BAD}: not published: ")
    assert "\n" not in said
    assert three.told()["published"] == ["2025-11-20", "2025-11-22"]


def test_each_interval_that_fails_has_a_line(three: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, intervals, "publish", lambda *_: True, UsageError("no"))
    assert ran(three) == [f"2025-11-{day}: not published: no" for day in DAYS]


def test_an_interval_that_fails_for_ever_does_not_make_the_others_anew(
    three: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, intervals, "publish", of_bad_day, UsageError("no"))
    ran(three)
    three.log("23.log", [line("23T07:00")])
    ran(three)
    told = three.told()
    assert (told["published"], told["unchanged"]) == (["2025-11-23"], [])


def test_the_day_before_that_can_not_be_answered_is_not_compared_with(
    three: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = publishing.mail

    def mailed(*arguments: Any, **options: Any) -> Any:
        interval, sides = arguments[1], arguments[7]
        if interval.name == BAD or (sides[0] and sides[0][0].name == BAD):
            raise UsageError("a sum is out of range")
        return really(*arguments, **options)

    monkeypatch.setattr(publishing, "mail", mailed)
    (said,) = ran(three)
    assert said == f"{BAD}: not published: a sum is out of range"
    assert three.told("2025-11-22")["remarks"] == [
        f"not compared with {BAD}: that can't be answered"
    ]


def test_a_source_that_the_store_has_seen_is_no_new_one(here: Place) -> None:
    """It came on the 20th, stayed away on the 21st, and came again."""
    for day, sources in (("20", [1, 2]), ("21", [1]), ("22", [1, 2, 3])):
        here.log(f"{day}.log", [line(f"{day}T07:00", src=f"192.0.2.{n}") for n in sources])
    here.job('[mail]\nformats = ["text", "html"]\n', queries="")
    here.run()
    text = (here.directory / "out/2025-11-22/mail.txt").read_text()
    told = text[text.index("NEW SOURCES") :].split("\n\n")[0]
    assert "refused, and not seen since 2025-11-20" in " ".join(told.split())
    assert "192.0.2.3" in told
    assert "192.0.2.2" not in told
    assert "1 new source" in text
    assert "not seen since 2025-11-20" in (here.directory / "out/2025-11-22/mail.html").read_text()
    assert "NEW SOURCES" not in (here.directory / "out/2025-11-21/mail.txt").read_text()


def test_new_sources_say_that_only_the_day_before_could_tell(here: Place) -> None:
    for day, sources in (("20", [2]), ("21", [1]), ("22", [1, 2])):
        here.log(f"{day}.log", [line(f"{day}T07:00", src=f"192.0.2.{n}") for n in sources])
    here.job('[mail]\n[retention]\nstate = "1d 1h"\n'.replace("1d 1h", "49h"), queries="")
    here.run_at("23T01:00")
    for path in (here.store / "state").glob("2025-11-2[01]"):
        for each in path.iterdir():
            each.unlink()
        Path(path).rmdir()
    here.log("late.log", [line("22T08:00", port=80)])
    here.run_at("23T02:00")
    text = " ".join((here.directory / "out/2025-11-22/mail.txt").read_text().split())
    assert "refused, and in no record of 2025-11-21" in text
