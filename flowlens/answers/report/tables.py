"""The report's tables as cells, the same for the terminal and for Markdown. Not yet escaped."""

from __future__ import annotations

from flowlens.answers.report.cells import (
    ADDRESS,
    Cells,
    Column,
    Grid,
    bytes_,
    grid,
    number_,
    port_,
    rows_of,
    service_,
    text_,
    time_,
)
from flowlens.answers.report.model import Report, Section
from flowlens.answers.report.numbers import percent_text
from flowlens.answers.report.words import CAUSES, CLASSES
from flowlens.output.human import count, coverage, grade, middle, pair, port, port_service

SIDES = {"client": "to our client", "server": "from our server", "unknown": "side unknown"}

WORKED = {True: "yes", False: "not seen", None: "not known"}
"""Whether a pair worked before it was refused."""

_PAIR = 34
"""Letters for the two addresses in the column `mostly`, so that it fits on 80 columns."""


def classes(report: Report) -> Grid:
    """Rejects by class, each with what it mostly is."""
    names, counts, mostly = [], [], []
    whole = report.totals.reject
    for name, words in CLASSES.items():
        section = report.parts[f"refused_by_class.{name}"]
        if section.rows:
            names.append(words)
            counts.append(section.records)
            mostly.append(_mostly(report, name, section))
    query = "refused_by_class"
    if not names:
        return Grid("REFUSED", (), query=query)
    order = range(len(names))
    columns = (
        Cells("", tuple(names)),
        Cells("records", tuple(f"{counts[place]:,}" for place in order), True),
        Cells("%", tuple(percent_text(counts[place], whole) for place in order), True),
        Cells("mostly", tuple(mostly), rank=0),
    )
    return Grid("REFUSED", columns, query=query)


def _mostly(report: Report, name: str, section: Section) -> str:
    """The pair that makes up half of a class or more, else its first port."""
    if name == "late":  # their destination ports are ephemeral and say nothing
        return _late(report)
    pairs = report.parts[f"refused_pairs.{name}"]
    row = pairs.top[0]
    if row["records"] * 2 >= section.records:
        ends = [row["srcaddr"] or "-", row["dstaddr"] or "-"]
        if len("".join(ends)) > _PAIR:  # the tables below have them whole
            ends = [middle(end, _PAIR // 2) for end in ends]
        what = f"{pair(*ends)} {port(row['protocol'], row['dstport'])}"
        return f"{what} {percent_text(row['records'], section.records)}%"
    row = section.top[0]
    share = percent_text(row["records"], section.records)
    what = port_service(row["protocol"], row["dstport"])
    return f"{what} {share}% from {count(row['sources'], 'source')}"


def _late(report: Report) -> str:
    replies = [report.parts[f"refused_replies.nacl_{side}"].records for side in SIDES]
    if any(replies):
        return f"{sum(replies):,} refused by a network ACL, likely"
    return "from a service's port, or mirrored: leftovers, most likely"


def grids(report: Report) -> list[Grid]:
    """All tables after the classes, in the order of the screen; those without rows are left out."""
    sections, parts = report.sections, report.parts
    since = time_("first", "first_seen", report, 4)
    until = time_("last", "last_seen", report, 5)
    ends = [text_("source", "srcaddr", kind=ADDRESS), text_("destination", "dstaddr", kind=ADDRESS)]
    worked = Column("worked before", lambda row: WORKED[row["worked_before"]], rank=6)
    rejecting = text_("ENI", "interface_id", 8, kind=ADDRESS)
    result = [
        grid(
            f"REFUSED {CLASSES[name]}",
            parts[f"refused_pairs.{name}"],
            [*ends, port_(), service_(7), since, until, worked, rejecting],
            query="refused_pairs",
            shares_after=4,
            others="other pair",
        )
        for name in ("internal", "outbound")
    ]
    result += [
        grid(
            "REJECTED BY PORT",
            sections["rejected_by_port"],
            [
                port_(),
                service_(),
                number_("sources", "sources"),
                number_("ENIs", "enis"),
                number_("packets", "packets", 4),
                bytes_("bytes", "bytes", 5),
            ],
            query="rejected_by_port",
            shares_after=2,
        ),
        grid(
            "REJECTED BY ENI AND PORT",
            sections["rejected_by_eni_port"],
            [
                text_("ENI", "interface_id", kind=ADDRESS),
                port_(),
                service_(2),
                number_("sources", "sources"),
                since,
                until,
            ],
            query="rejected_by_eni_port",
            shares_after=3,
        ),
        grid(
            "REJECTED BY SOURCE",
            sections["rejected_by_source"],
            [
                text_("source", "srcaddr", kind=ADDRESS),
                number_("ports", "ports"),
                number_("ENIs", "enis"),
                number_("packets", "packets", 6),
                since,
                until,
            ],
            query="rejected_by_source",
            shares_after=1,
        ),
        _sessions(report),
        _replies(report),
        _scanners(report),
        _names(report),
    ]
    return [table for table in result if table.columns or table.empty]


def _sessions(report: Report) -> Grid:
    section = report.parts["accepted_after_rejected.answered"]
    every = report.sections["accepted_after_rejected"]
    empty = ""
    if every.rows:
        empty = f"none of {every.rows:,} accepted after a reject; nothing came back"
    return grid(
        "ANSWERED AFTER REJECTED",
        section,
        [
            text_("source", "srcaddr", kind=ADDRESS),
            text_("ENI", "interface_id", kind=ADDRESS),
            text_("port", "dstport"),
            number_("refused in all", "rejected_records"),
            number_("ports", "rejected_ports", 5),
            time_("from", "first_reject", report, 4),
            time_("accepted", "first_accept", report, 0),
            bytes_("in", "bytes_in", 1),
            bytes_("out", "bytes_out"),
        ],
        query="accepted_after_rejected",
        empty=empty,
    )


def _replies(report: Report) -> Grid:
    return grid(
        "REPLIES REFUSED",
        report.sections["refused_replies"],
        [
            text_("ENI", "interface_id", kind=ADDRESS),
            Column("reply", lambda row: SIDES.get(row["side"], "-")),
            text_("peer", "peer", kind=ADDRESS),
            Column("port", lambda row: str(row["port"]) if row["port"] else "icmp"),
            Column("cause", lambda row: CAUSES.get(row["likely_cause"], "-")),
            number_("accepted before", "replies_accepted_before", 5),
            time_("first", "first_seen", report, 4),
        ],
        query="refused_replies",
        shares_after=4,
        percent_rank=2,
    )


def _scanners(report: Report) -> Grid:
    found = report.scanning
    if found is None:
        return Grid("SCANNERS", ())
    counts = found.counts
    if not found.rows:
        probes = count(counts["probe"], "source")
        empty = f"none by the evidence; {probes} with too few touches to judge"
        return Grid("SCANNERS", (), empty)
    columns = [
        text_("source", "srcaddr", kind=ADDRESS),
        text_("tier", "tier", 5),
        text_("shape", "shape", 3),
        Column("hosts", lambda row: coverage(row["hosts"], row["exposed"]), True, 1),
        number_("ports", "ports", 2),
        number_("answered", "answered", 4),
        time_("first", "first_seen", report, 4),
        time_("alarm", "alarm_at", report, 6),
        Column("sure", lambda row: grade(row["sure"])),
    ]
    if found.named is not None:
        columns.insert(1, Column("who", lambda row: middle(found.who(row["srcaddr"]), 34)))
    rest = found.rows - len(found.top)
    last = [count(rest, "other")] if rest else []
    return Grid("SCANNERS", rows_of(columns, found.top, last), query="sources", others=len(last))


def _names(report: Report) -> Grid:
    """Who is behind the sources refused most; scanners have theirs beside them."""
    found = report.scanning
    if found is None or found.named is None:
        return Grid("NAMES", ())
    answers = found.named.lookup.answers
    sources = [row["srcaddr"] for row in report.sections["rejected_by_source"].top]
    shown = [{"srcaddr": source} for source in sources if source in answers]
    columns = [
        text_("source", "srcaddr", kind=ADDRESS),
        Column("status", lambda row: str(answers[row["srcaddr"]].status), rank=1),
        Column("confirmed", lambda row: str(answers[row["srcaddr"]].confirmation or "-"), rank=2),
        Column("who", lambda row: found.who(row["srcaddr"])),
    ]
    return Grid("NAMES", rows_of(columns, shown, []))
