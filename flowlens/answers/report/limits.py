"""What the log can't show, and the one sentence that says how much was refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowlens.answers.report.model import Named, Report
from flowlens.answers.report.numbers import percent_text
from flowlens.output.human import count, length


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know before the numbers are believed."""

    kind: str
    text: str


def headline(report: Report) -> str:
    """How much was refused, or honestly why that can't be said."""
    read, totals = report.read, report.totals
    if not totals.records:
        return _nothing(report)
    if not totals.reject:
        return _no_reject(report)
    # What has no action was neither accepted nor refused: no share can be of it.
    share, what = percent_text(totals.reject, totals.acted), _acted(report)
    text = f"REJECT {totals.reject:,} of {totals.acted:,} {what} ({share}%)"
    if not totals.accept:
        # A share of all traffic would be a lie where accepted traffic isn't logged.
        text = f"REJECT {count(totals.reject, 'record')} with traffic"
        if report.read.selected is None:
            text += ", and no ACCEPT at all"
    if read.selected is not None:
        text += f", of {read.records:,} read"
    return text


def _nothing(report: Report) -> str:
    """Why there is no record with traffic."""
    read = report.read
    if read.selected == 0 and read.records:
        return (
            f"0 of {read.records:,} records pass the window and the filter; "
            f"the data spans {_data_span(report)}"
        )
    if read.records:
        quiet = f"{read.nodata:,} NODATA, {read.skipdata:,} SKIPDATA"
        return f"no record with traffic: {quiet}; whether anything was refused can't be known"
    if read.malformed:
        reasons = ", ".join(f"{name} {number:,}" for name, number in read.reasons.items())
        every = "both" if read.malformed == 2 else f"all {read.malformed:,}"
        which = "the only line is" if read.malformed == 1 else f"{every} lines with content are"
        return (
            f"no record: {which} malformed ({reasons}); is it a flow log? --layout gives its format"
        )
    if read.headers:
        return f"no record: {count(read.headers, 'header')} and nothing beneath"
    if read.files == 1:
        return "no record: the input is empty"
    return f"no record: all {count(read.files, 'input')} are empty"


def _data_span(report: Report) -> str:
    first, last = report.read.first_seen, report.read.last_seen
    if first is None or last is None:
        return "no time"
    return f"{first:%Y-%m-%dT%H:%M:%SZ} to {last:%Y-%m-%dT%H:%M:%SZ}"


def _acted(report: Report) -> str:
    """What the records are that an action is a share of."""
    noun = "record" if report.totals.acted == 1 else "records"
    return f"{noun} with an action" if report.totals.other else f"{noun} with traffic"


def _no_reject(report: Report) -> str:
    totals, log = report.totals, report.log
    if not totals.accept:
        return f"{count(totals.other, 'record')} with traffic, none with an action"
    seen = f"no REJECT among {totals.accept:,} {_acted(report)}"
    if not log.judged:
        return f"{seen} that pass the filter"
    if log.capture.get("accepts", 0) == log.enis:
        return f"{seen}: the log holds accepts alone, it seems; refusals can't be seen in it"
    return f"{seen}: none were refused, or the log holds accepts alone; this can't be told apart"


def blind(report: Report) -> tuple[Note, ...]:
    """What the log can't show, the weightiest first."""
    return (*_inputs(report), *_capture(report), *_silence(report), *_records(report))


def _inputs(report: Report) -> Iterator[Note]:
    read = report.read
    kinds = {
        "unreadable": read.unreadable,
        "truncated": read.truncated,
    }
    for kind, named in kinds.items():
        if named.count:
            yield Note(kind, f"{count(named.count, f'{kind} input')}: {_names(named)}")
    if read.malformed and read.records:
        reasons = ", ".join(f"{name} {number:,}" for name, number in read.reasons.items())
        verb = "is" if read.malformed == 1 else "are"
        text = f"{count(read.malformed, 'malformed line')} {verb} in no number here ({reasons})"
        yield Note("malformed", text)
    if report.odd_times:
        yield Note("outliers", report.odd_times)
    if report.account.overlap:
        yield Note("flow_logs", str(report.account.overlap))
    if read.repeats:
        yield Note("repeats", f"{count(read.repeats, 'repeated record')} counted once")


def _names(named: Named) -> str:
    listed = ", ".join(f"{name} ({why})" for name, why in named.first)
    rest = named.count - len(named.first)
    return f"{listed}, and {rest:,} more" if rest else listed


def _capture(report: Report) -> Iterator[Note]:
    log, totals = report.log, report.totals
    if not log.judged:
        yield Note(
            "filter",
            "filtered by content: what the log captures, gaps, classes, answers and causes are "
            "judged from the records that pass alone",
        )
        return
    busy = {name: number for name, number in log.capture.items() if number}
    if log.rejects_only:
        yield Note(
            "rejects_only",
            "the log holds rejects alone: answers, sessions, what worked before, and any share "
            "of all traffic can't be seen",
        )
    elif log.enis and busy.get("accepts") == log.enis:
        yield Note("accepts_only", "the log holds accepts alone: 0 rejected would be a lie")
    elif busy.get("unknown") == log.enis and totals.records:
        yield Note("capture", "too few records to tell what the log captures")
    elif totals.records and (len(busy) > 1 or "unknown" in busy):
        words = {
            "all": "log all traffic",
            "rejects": "rejects alone",
            "accepts": "accepts alone",
            "unknown": "can't be judged: too few records, or none with traffic",
        }
        listed = ", ".join(f"{number:,} {words[name]}" for name, number in busy.items())
        yield Note("capture", f"of {count(log.enis, 'ENI')} {listed}")
    if log.unproven and totals.reject:
        of = count(log.unproven, "ENI")
        yield Note("own", f"the own address of {of} isn't proven by the records")
    yield from _apart(report)


def _apart(report: Report) -> Iterator[Note]:
    """Records that have no part in what is said of actions, or of ENIs."""
    totals, log = report.totals, report.log
    if totals.gateway:
        verb = "is" if totals.gateway == 1 else "are"
        yield Note(
            "transit_gateway",
            f"{count(totals.gateway, 'transit gateway record')} with traffic {verb} in no ACCEPT "
            "or REJECT number: they log no action; tgw_drops says what was lost there",
        )
    if totals.other > totals.gateway:
        rest = count(totals.other - totals.gateway, "record")
        text = f"no action in {rest} with traffic: in no ACCEPT or REJECT number"
        yield Note("no_action", text)
    if log.no_eni:
        yield Note(
            "no_eni",
            f"no ENI in {count(log.no_eni, 'record')} with traffic, as of regional NAT gateways: "
            "gaps and what the log captures are judged without",
        )


def _silence(report: Report) -> Iterator[Note]:
    log, gaps = report.log, report.sections["gaps"]
    if log.skipdata:
        verb = "every total is a lower bound"
        yield Note("skipdata", f"{log.skipdata:,} SKIPDATA: records were lost, {verb}")
    if not log.judged:
        return
    if gaps.rows and log.nodata:
        text = (
            f"{count(gaps.rows, 'gap')} on {count(gaps.distinct['interface_id'], 'ENI')}, together "
            f"{length(gaps.sums['minutes'] * 60)}: nothing is known there"
        )
        yield Note("gaps", text)
    elif gaps.rows:
        text = (
            f"no NODATA anywhere: {count(gaps.rows, 'silence')} on "
            f"{count(gaps.distinct['interface_id'], 'ENI')} may be peace or gaps"
        )
        yield Note("silence", text)
    if log.nodata and report.totals.records:
        yield Note("nodata", f"{log.nodata:,} NODATA: intervals without traffic, in no total")


def _records(report: Report) -> Iterator[Note]:
    minute, longer = (report.log.aggregation.get(seconds, 0) for seconds in (60, 600))
    if not minute and not longer:
        return
    span = "10 min" if longer and not minute else "60 s" if not longer else "60 s or 10 min"
    yield Note("record", f"a record is up to {span} of one flow at one ENI, no connection")
