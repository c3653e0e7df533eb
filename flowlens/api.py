"""Flows: flow-log records that have been named and not yet read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from flowlens.answers.check.check import Check, check
from flowlens.answers.diff.diff import Difference, compare
from flowlens.answers.show.show import Portrait, portrait
from flowlens.core import escape
from flowlens.core.cidrs import parse_cidr, read_allowed
from flowlens.core.errors import UsageError
from flowlens.core.times import seconds
from flowlens.inputs.aws import Access, remotes
from flowlens.inputs.find import Found, find
from flowlens.output.human import count, middle
from flowlens.output.markup import framed
from flowlens.output.progress import usual, wished
from flowlens.pipeline.evidence import Evidence
from flowlens.pipeline.reference import Knowledge
from flowlens.pipeline.result import Result
from flowlens.pipeline.run import Answers, Inputs, Listener, Question, answering, header_columns
from flowlens.pipeline.scan_state import opened
from flowlens.records.fields import fields
from flowlens.records.filter import Several, build_filter
from flowlens.records.layouts import from_user
from flowlens.records.table import arrow_schema
from flowlens.sql import catalog

if TYPE_CHECKING:
    import polars as pl

    from flowlens.answers.report.gather import Report
    from flowlens.answers.scanners.result import Scanners
    from flowlens.naming.lookup import Naming

Input = str | PathLike[str]

_INNER = {"inputs", "listener", "listening", "queries"}
"""What flows are made of, which nobody needs on Tab."""


@dataclass(frozen=True, slots=True)
class Flows:
    """A lazy view of flow logs; every question reads what it needs, and no more.

    Made by `read`. Nothing of the input is kept between questions.
    """

    inputs: Inputs
    queries: Mapping[str, catalog.Query] = field(default_factory=dict)
    listener: Listener = field(default_factory=Listener)

    def query(self, name: str, **parameters: object) -> Result:
        """The answer of a named query.

        Raises:
            UsageError: no such query or parameter, or a value of another type.
        """
        found = catalog.find(name, extra=self.queries)
        given = {key: _plain(value) for key, value in parameters.items()}
        question = Question.named(found, given)
        return Result(name, found.columns, question, self._answers)

    def sql(self, sql: str, **parameters: object) -> Result:
        """The answer of one SELECT over `flows`, `enis`, `refusals` and `services`.

        `$name` in the SQL takes the keyword of that name. It can read nothing else: no files, no
        network, no settings.
        """
        question = Question.sql_text(sql, parameters)
        return Result("sql", (), question, self._answers)

    def arrow(self) -> pa.Table:
        """All records as an Arrow table; columns of fields in no header are null."""
        return self.sql("select * from flows").arrow()

    def polars(self) -> pl.DataFrame:
        """All records as a polars frame."""
        return self.sql("select * from flows").polars()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All records as Arrow record batches, with memory flat however many there are."""
        with self.sql("select * from flows").stream() as reader:
            yield from reader

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """All records as a stream of Arrow, for whatever takes one; memory stays flat.

        The input is read while the stream is.
        """
        streamed = self._streamed()
        schema = next(streamed)
        reader = pa.RecordBatchReader.from_batches(schema, streamed)
        return reader.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """What the stream's schema will be, from headers alone; DuckDB asks before it reads."""
        known = tuple(fields())
        unknown = (name for name in header_columns(self.inputs) if name not in known)
        # DuckDB takes texts as views, and gives them without.
        plain = {pa.string_view(): pa.string()}
        schema = arrow_schema((*known, *unknown))
        types = [(column.name, plain.get(column.type, column.type)) for column in schema]
        return pa.schema(types).__arrow_c_schema__()

    def _streamed(self) -> Iterator[Any]:
        """The schema, then the batches: once begun, a generator is closed if nobody reads on."""
        with self.sql("select * from flows").stream() as reader:
            yield reader.schema
            yield from reader

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in _INNER]

    def scanners(
        self,
        *,
        tier: str | None = None,
        allow: Input | Sequence[Input] | None = None,
        own: str | Sequence[str] | None = None,
        parameters: Mapping[str, float] | None = None,
        states: Input | Sequence[Input] | None = None,
        save_state: Input | None = None,
        rdns: str | Naming | None = "off",
    ) -> Scanners:
        """Who is scanning: sources and networks judged by evidence, with the reasons.

        `tier` is one of scanner, likely, probe, benign, backscatter and return, some with commas
        between, or `all`; scanner and likely unless told. `allow` names allow-lists, `own` CIDRs
        of our own, `parameters` other numbers for the evidence. `states` are directories of
        earlier states to judge together with these flows; `save_state` is one to write. `rdns` is
        on or cache to have names beside scanners and likely scanners;
        `flowlens.naming.lookup.naming` makes one that says how.

        Raises:
            UsageError: no such tier or parameter, or a file or directory that can't be used.
        """
        from flowlens.answers.scanners.result import Scanners, chosen_tiers
        from flowlens.answers.scanners.verdicts import COLUMNS
        from flowlens.naming.lookup import NAMED, wanted

        evidence = Evidence(dict(parameters or {}))
        networks = tuple(_cidr(text) for text in _several(own))
        earlier = opened([Path(name) for name in _several(states)], evidence, networks)
        knowledge = Knowledge(own=networks, evidence=evidence, earlier=earlier)
        lists = [Path(name) for name in _several(allow)]
        naming = wanted(rdns)
        return Scanners(
            "scanners",
            COLUMNS if naming is None else (*COLUMNS, *NAMED),
            replace(self.inputs, knowledge=knowledge),
            self.listener,
            chosen_tiers(tier),
            read_allowed(lists) if lists else None,
            None if save_state is None else Path(save_state),
            naming,
        )

    def check(self) -> Check:
        """What was read and what was not: counts by source, reasons, coverage."""
        return check(self.inputs, self.listener)

    def show(self, what: str, *, rows: int = 20) -> Portrait:
        """Everything about an address, a CIDR, an ENI or a port such as 53/udp.

        `rows` of each table, 0 for all.

        Raises:
            UsageError: it is none of these.
        """
        return portrait(self.inputs, what, rows=rows, listener=self.listener)

    def diff(self, after: Flows, *, rows: int = 10) -> Difference:
        """What changed from these flows to `after`: what is let in, ports, sources, ENIs.

        `rows` of each part, 0 for all. To compare two intervals, read the same inputs twice, with
        `since` and `until` of each.
        """
        return compare(self.inputs, after.inputs, rows=rows, listener=self.listener)

    def report(
        self, *, rows: int = 10, window: str = "", rdns: str | Naming | None = "off"
    ) -> Report:
        """The whole picture on rejected traffic, from one pass; `rows` of each table (0: all).

        `window` is what the user wrote for it, such as `24h`. With `rdns`, as in `scanners`, names
        stand beside the sources that scan or are refused most.
        """
        from flowlens.answers.report.gather import gather
        from flowlens.naming.lookup import wanted

        return gather(self.inputs, self.listener, rows=rows, window=window, naming=wanted(rdns))

    def listening(self, listener: Listener) -> Flows:
        """The same flows, with somebody who is told of malformed lines and progress."""
        return replace(self, listener=listener)

    @contextmanager
    def _answers(self, question: Question) -> Iterator[Answers]:
        with answering(self.inputs, [question], self.listener) as answers:
            yield answers

    def __repr__(self) -> str:
        sources = self.inputs.found.sources
        size = sum(source.size or 0 for source in sources)
        return (
            f"Flows of {count(len(sources), 'source')}, {size / 1e6:,.1f} MB; "
            f"filter: {self.inputs.filter}"
        )

    def _repr_html_(self) -> str:
        asked = (
            "report() check() query(NAME) sql(SELECT) show(WHAT) scanners() diff(AFTER) polars() "
            "arrow()"
        )
        given = ", ".join(self.inputs.found.inputs)
        return framed(
            f"<p><b>{escape.html(repr(self))}</b></p>",
            f'<p class="soft">{escape.html(middle(given, 200))}</p>',
            f'<p class="soft">nothing is read until you ask: <code>{asked}</code></p>',
        )


def read(
    inputs: Input | Sequence[Input],
    *,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    ip: Several = None,
    eni: Several = None,
    port: Several = None,
    action: str | None = None,
    account: Several = None,
    where: str | None = None,
    layout: str | None = None,
    queries: Input | None = None,
    region: str | None = None,
    profile: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    endpoint_url: str | None = None,
    requester_pays: bool = False,
    skip_missing: bool = False,
    dedupe: bool = False,
    on_listed: Callable[[int], None] | None = None,
    on_remark: Callable[[str], None] | None = None,
    progress: bool | None = None,
    timeout: float | str | None = None,
) -> Flows:
    """Flow logs in files, directories (walked), globs, `-` for standard input, or on AWS.

    On AWS they are at `s3://bucket/prefix` or `cloudwatch:LOG-GROUP[:STREAM-PREFIX]`.

    `since` and `until` are ISO times or spans such as `24h` before now: half-open, UTC, on the
    record's start. `ip` is an address or CIDR on either side, `port` such as `22` or `"53/udp"`; of
    several, in a list or with commas, a record has any one, and so with `eni` and `account`.
    `where` is a SQL condition on a record. `layout` names the fields of files without a header,
    `queries` a directory of your own queries. One of several inputs that isn't there is an error,
    unless `skip_missing`. With `dedupe` a record that two flow logs hold of one ENI counts once.
    A read that takes long shows a bar in a notebook and at a prompt, and none in a script, unless
    `progress` says so or not.

    A question that has no answer within `timeout`, in seconds or such as `5m`, is given up; without
    it Ctrl-C does the same.

    The rest is for AWS: `region` (also of the folders listed), credentials of a `profile` or of the
    role `role_arn` with its `external_id`, `endpoint_url`, `requester_pays`. `on_listed` hears how
    many objects were listed so far, `on_remark` what to know of an input before it is read; without
    it that is a warning.

    Without any input there are no records, and nothing can be asked but for who is scanning, by
    earlier states alone.

    Raises:
        NoInputError: there is no such input.
        UsageError: a value that can't be meant.
    """
    names = [inputs] if isinstance(inputs, str | PathLike) else list(inputs)
    chosen = build_filter(
        since=since, until=until, ip=ip, eni=eni, port=port, action=action, account=account,
        where=where,
    )  # fmt: skip
    given = from_user(layout) if layout else None
    own = catalog.load(Path(queries)) if queries else {}
    access = Access(profile, role_arn, external_id, endpoint_url, region, requester_pays)
    places = remotes(
        access, chosen, layout_given=given is not None, listed=on_listed or (lambda number: None)
    )
    window = chosen.since, chosen.until
    paths = [fspath(name) for name in names]
    found = Found((), ())
    if names:
        found = find(paths, remote=places, window=window, skip_missing=skip_missing)
    known = (f"{source.name}: {source.remark}" for source in found.sources if source.remark)
    for remark in (*found.remarks, *known):
        if on_remark:
            on_remark(remark)
        else:
            warnings.warn(remark, stacklevel=2)
    listener = replace(_listener(progress), timeout=seconds(timeout, "timeout"))
    return Flows(Inputs(found, given, chosen, dedupe=dedupe), own, listener)


def _listener(progress: bool | None) -> Listener:
    """Nobody, or the bar that suits where this runs."""
    bar = usual() if progress is None else wished() if progress else None
    return Listener(on_progress=bar.update, on_end=bar.stop) if bar else Listener()


def _several(names: Input | Sequence[Input] | None) -> list[str]:
    if names is None:
        return []
    return [fspath(name) for name in ([names] if isinstance(names, str | PathLike) else names)]


def _cidr(text: str) -> str:
    try:
        return str(parse_cidr(text))
    except ValueError as error:
        raise UsageError(f"--own {error}") from error


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
