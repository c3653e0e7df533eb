"""Everything about one address, CIDR, ENI or port: both directions, then the records."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from flowlens.core.counts import Account
from flowlens.core.errors import UsageError
from flowlens.output.formats import Format
from flowlens.pipeline.run import Inputs, Listener, Question, Top, answering
from flowlens.records.filter import Filter, network, port_of
from flowlens.sql import catalog
from flowlens.sql.queryfile import Column

if TYPE_CHECKING:
    from flowlens.charts.chart import Chart

_QUERIES = ("action_totals", "rejected_by_port", "conversations", "traffic_by_eni_port")
_TOUCHES = (
    "with span as (select min(epoch(start_time)) as first, max(epoch(start_time)) as last "
    "from flows where log_status = 'OK'), touched as (select floor((epoch(start_time) - first) "
    "/ greatest(1, (last - first) / 240.0)) as place, {who}, protocol, dstport, action, "
    "min(start_time) as first_seen, count(*) as records from flows, span "
    "where log_status = 'OK'{sent} group by all) select first_seen, {who}, protocol, dstport, "
    "action, records from touched order by first_seen, {who}, protocol, dstport, action"
)
"""Who touched what, in as many moments as a chart tells apart."""

_RECORDS = Question(
    "select start_time, end_time, interface_id, srcaddr, srcport, dstaddr, dstport, protocol, "
    "packets, bytes, action, log_status from flows "
    "order by start_time, end_time, interface_id, srcaddr, dstaddr, srcport, dstport limit $limit",
    {"limit": 0},
)


_NETWORKS = "select distinct network from enis where is_private($address) order by network"
"""Networks in which an address is met; one that is public is the same host in all of them."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a page; `rows` of the whole answer stand behind `top.head`."""

    name: str
    title: str
    columns: tuple[Column, ...]
    top: Top


@dataclass(frozen=True, slots=True, repr=False)
class Portrait:
    """What the flows say about `what`; `inputs` are read anew for its chart.

    `networks` are those in which a private address is met: in each it may be another host.
    """

    what: str
    account: Account
    sections: tuple[Section, ...]
    inputs: Inputs
    listener: Listener
    networks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        from flowlens.answers.show.page import page

        return page(self, Format.TABLE).rstrip("\n")

    def _repr_html_(self) -> str:
        from flowlens.answers.show.page import page

        return page(self, Format.HTML)

    def chart(self) -> Chart:
        """What an address touched over time, or who touched an ENI or a port: hosts and ports."""
        return touches(self.inputs, self.what, listener=self.listener)[0]


def touches(inputs: Inputs, what: str, *, listener: Listener) -> tuple[Chart, Account]:
    """Read the flows once, for the chart of `what` alone; the chart, and what was read."""
    from flowlens.charts.chart import Chart
    from flowlens.charts.looks import nothing
    from flowlens.charts.probes import probes

    network = next(iter(subject(what).ip), None)
    host = "srcaddr" if network is None else "dstaddr"
    sent = "" if network is None else " and in_cidr(srcaddr, $network)"
    parameters = {} if network is None else {"network": network}
    question = Question(_TOUCHES.format(who=host, sent=sent), parameters)
    with answering(_narrowed(inputs, what), [question], listener) as answers:
        rows = answers.table(question)
    title = f"Who touched {what}" if network is None else f"What {what} touched"
    drawn = probes(rows, title, host=host) if rows.num_rows else nothing(title)
    return Chart(drawn), answers.account


def subject(text: str) -> Filter:
    """The filter that a word means.

    Raises:
        UsageError: it is no address, CIDR, ENI or port.

    >>> str(subject("udp/53"))
    'port 53/udp'
    """
    port = port_of(text, "show")
    if port is not None:
        return Filter(port=(port,))
    if re.fullmatch(r"eni-[0-9A-Za-z]+", text):
        return Filter(eni=(text,))
    if "." in text or ":" in text:
        return Filter(ip=(network(text, "show"),))
    raise UsageError(
        f"show {text}: no address, CIDR, ENI or port; "
        "write 203.0.113.7, 10.0.0.0/8, eni-0a1b2c3d or 53/udp"
    )


def portrait(inputs: Inputs, what: str, *, rows: int, listener: Listener) -> Portrait:
    """Read the flows once, and gather what they say about `what`."""
    queries = [catalog.find(name) for name in _QUERIES]
    # A section that the log can't fill is empty; the others are still worth showing.
    questions = [replace(Question.named(query), query=None) for query in queries]
    records = replace(_RECORDS, parameters={"limit": 2**63 - 1})
    about = next(iter(subject(what).ip), "")
    address = ip_network(about) if about else None
    # A CIDR has many hosts anyway.
    host = str(address.network_address) if address and address.num_addresses == 1 else None
    networks = Question.sql_text(_NETWORKS, {"address": host})
    asked = [*questions, records, networks]
    with answering(_narrowed(inputs, what), asked, listener) as answers:
        sections = [
            Section(query.name, query.description, query.columns, answers.top(question, rows))
            for query, question in zip(queries, questions, strict=True)
        ]
        sections.append(Section("records", "The records, by time.", (), answers.top(records, rows)))
        met = tuple(row["network"] for row in answers.table(networks).to_pylist())
        return Portrait(what, answers.account, tuple(sections), inputs, listener, met)


def _narrowed(inputs: Inputs, what: str) -> Inputs:
    return replace(inputs, filter=_both(inputs.filter, subject(what)))


def _both(given: Filter, about: Filter) -> Filter:
    """The filter that has both; what the options already say of the same thing must agree."""
    for name in ("ip", "eni", "port"):
        if getattr(given, name) and getattr(about, name):
            raise UsageError(f"--{name} and what to show are both a choice of {name}; give one")
    return replace(
        given,
        ip=about.ip or given.ip,
        eni=about.eni or given.eni,
        port=about.port or given.port,
    )
