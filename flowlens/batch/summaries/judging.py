"""Who scans, as of the end of an interval: by the states of that and all before it, and no more.

A scanner is new if it wasn't one as of the end of the interval before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flowlens.answers.scanners import detection
from flowlens.answers.scanners.verdicts import SCHEMA, verdicts
from flowlens.batch.job import Job, ScannersPart
from flowlens.batch.store.errors import SummaryError
from flowlens.batch.store.place import Store
from flowlens.batch.summaries.daily import knowledge, state_of
from flowlens.core import atomic
from flowlens.core.cidrs import read_allowed
from flowlens.core.errors import FlowlensError, UsageError
from flowlens.core.times import Interval
from flowlens.inputs.find import Found
from flowlens.pipeline import scan_state
from flowlens.pipeline.run import Answers, Inputs, answering
from flowlens.sql.queryfile import Column

NEW = Column("new", "boolean", "", "a scanner that wasn't one as of the end of the interval before")

_ALARMS = "alarms.parquet"


VERDICTS = SCHEMA.append(pa.field(NEW.name, pa.bool_()))

PORTS = pa.schema(
    [
        ("srcaddr", pa.string()),
        ("protocol", pa.int32()),
        ("dstport", pa.int32()),
        ("hosts", pa.int64()),
        (NEW.name, pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts as of the end of an interval, on sources of the job's tiers.

    `ports` are all that the `new` scanners touched, and those that others touched most. `why` tells
    why there can be no verdicts.
    """

    table: pa.Table
    ports: pa.Table
    new: int
    why: str = ""


def states(store: Store, before: Interval, *, within: bool) -> tuple[scan_state.State, ...]:
    """The states of all intervals before this one; with `within` its own, too."""
    rows = store.ledger.rows(
        "select start from intervals where start < ? or (? and start = ?) order by start",
        before.seconds,
        within,
        before.seconds,
    )
    length = before.end - before.start
    places = [state_of(store, Interval.at(int(start), length)) for (start,) in rows]
    return tuple(_opened(place) for place in places if place.exists())


def seen(store: Store, interval: Interval) -> tuple[Interval, pa.ChunkedArray] | None:
    """The addresses that the store has seen before an interval, and since which interval.

    It goes back as far as every interval has a state. None if the one before has none.

    Raises:
        SummaryError: a state can't be read.
    """
    rows = store.ledger.rows(
        "select start from intervals where start < ? order by start desc", interval.seconds
    )
    first = None
    found: list[pa.Array] = []
    for (start,) in rows:
        before = Interval.at(int(start), interval.end - interval.start)
        place = state_of(store, before)
        if not place.exists():
            break
        one = _opened(place)
        with _damage((one,)):
            found.append(one.addresses())
        first = before
    return None if first is None else (first, pa.chunked_array(found, pa.string()))


def _opened(place: Path) -> scan_state.State:
    try:
        return scan_state.State.open(place)
    except UsageError as error:
        raise SummaryError(f"{place}: the state is damaged", place.name[:10]) from error


def judge(store: Store, job: Job, interval: Interval) -> Judged:
    """Judge all sources as of the end of an interval, and keep who is a scanner then.

    Raises:
        FlowlensError: a state can't be read.
    """
    before = _alarmed_before(store, job, interval)
    earlier = states(store, interval, within=True)
    judged = Judged(VERDICTS.empty_table(), PORTS.empty_table(), 0)
    alarmed: pa.Array = pa.array([], pa.string())
    with detecting(job, earlier) as answers:
        if isinstance(answers, str):
            judged = replace(judged, why=answers)
        else:
            found = detection.judge(answers)
            alarmed = _alarmed(found)
            new = sorted(set(alarmed.to_pylist()) - before)
            ports = _ports(found.top_ports, detection.touched_ports(answers, new), new)
            judged = Judged(_told(found, job, interval, before), ports, len(new))
    _keep(store, interval, alarmed, judged.new)
    return judged


@contextmanager
def detecting(job: Job, earlier: tuple[scan_state.State, ...]) -> Iterator[Answers | str]:
    """What is asked to judge by some states; or why there is nothing to be judged."""
    if not earlier:
        yield "no records so far"
        return
    known = knowledge(job, earlier)
    inputs = Inputs(Found((), ()), knowledge=known)
    with (
        _damage(earlier),
        answering(inputs, detection.questions(), memory=detection.MEMORY) as answers,
    ):
        try:
            detection.require_refusals(answers, known.evidence)
        except FlowlensError as error:
            yield str(error)
            return
        yield answers


@contextmanager
def _damage(states: tuple[scan_state.State, ...]) -> Iterator[None]:
    """Where nothing can be judged, see whether a state isn't as it was written.

    Raises:
        SummaryError: one isn't.
    """
    try:
        yield
    except (FlowlensError, pa.ArrowException) as error:
        for each in states:
            if not each.is_sound():
                day = each.directory.name[:10]
                raise SummaryError(f"{each.directory}: the state is damaged", day) from error
        raise


def _told(
    found: detection.Detection, job: Job, interval: Interval, before: Collection[str]
) -> pa.Table:
    """The table of verdicts; known is who was seen before the interval."""
    part = job.scanners or ScannersPart()
    allowed = read_allowed(part.allow) if part.allow else None
    table = verdicts(found, part.tiers, evidence=knowledge(job).evidence, allowed=allowed)
    start = pa.scalar(interval.start, pa.timestamp("us", "UTC"))
    known = pc.less(table["first_seen"], start)
    table = table.set_column(table.schema.get_field_index("known"), "known", known)
    scans = pc.equal(table["tier"], "scanner")
    fresh = pc.invert(pc.is_in(table["srcaddr"], pa.array(sorted(before), pa.string())))
    return table.append_column(NEW.name, pc.and_(scans, fresh))


def _alarmed(found: detection.Detection) -> pa.Array:
    sources = found.sources
    return pc.unique(sources.filter(pc.equal(sources["tier"], "scanner"))["srcaddr"])


def _alarmed_before(store: Store, job: Job, interval: Interval) -> set[str]:
    """Who was a scanner as of the end of the interval before, which is judged if need be."""
    rows = store.ledger.rows(
        "select start, judged from intervals where start < ? order by start desc limit 1",
        interval.seconds,
    )
    if not rows:
        return set()
    start, is_judged = rows[0]
    before = Interval.at(int(start), job.interval)
    place = _place(store, before)
    if is_judged and place.exists():
        with suppress(OSError, pa.ArrowException):
            table = pq.read_table(place, page_checksum_verification=True)
            return set(table["srcaddr"].to_pylist())
    with detecting(job, states(store, before, within=True)) as answers:
        if isinstance(answers, str):
            return set()
        return set(_alarmed(detection.judge(answers)).to_pylist())


def _place(store: Store, interval: Interval) -> Path:
    return state_of(store, interval) / _ALARMS


def _keep(store: Store, interval: Interval, alarmed: pa.Array, new: int) -> None:
    if not state_of(store, interval).is_dir():
        return
    with atomic.replacing(_place(store, interval)) as part:
        pq.write_table(pa.table({"srcaddr": alarmed}), part, write_page_checksum=True)
    with store.ledger.change():
        store.ledger.connection.execute(
            "update intervals set judged = 1, new_scanners = ? where start = ?",
            (new, interval.seconds),
        )


def _ports(top: pa.Table, fresh: pa.Table, new: Collection[str]) -> pa.Table:
    """The ports of `new` scanners, and the top ones of all others."""
    others = top.filter(pc.invert(pc.is_in(top["srcaddr"], pa.array(list(new), pa.string()))))
    told = [(fresh, True), (others.select(fresh.column_names), False)]
    columns = [
        table.append_column(NEW.name, pa.array([is_new] * table.num_rows, pa.bool_())).cast(PORTS)
        for table, is_new in told
    ]
    return pa.concat_tables(columns)
