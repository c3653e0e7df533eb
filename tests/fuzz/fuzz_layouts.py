"""Names of all kinds: headers, layouts that a user gives, keys of objects and of buckets."""

from __future__ import annotations

from datetime import UTC, datetime

import atheris

with atheris.instrument_imports(include=["flowlens"]):
    from flowlens.core.errors import UsageError
    from flowlens.inputs.aws.paths import Choice, Step, choice, flow_log, place
    from flowlens.reading.envelopes.rows import line
    from flowlens.records.columnnames import NamesError, columns, is_record, own
    from flowlens.records.layouts import (
        DEFAULT,
        DuplicateFieldError,
        from_header,
        from_user,
    )
    from flowlens.records.validate import Header, judge

import re

import invariants
from fragments import mixed

FRAGMENTS = (
    b"version", b"account-id", b"account_id", b"srcaddr", b"srcAddr", b"dst_addr", b"start",
    b"end_time", b"start_time", b"log-status", b"new-field", b"instance_tag_decoded", b"@time",
    b"@message", b"${srcaddr}", b"${start}", b"${", b"}", b" ", b"  ", b",", b"-", b"_", b"\n",
    b"\t", b"\xef\xbb\xbf", b"AWSLogs/", b"123456789012/", b"aws-account-id=123456789012/",
    b"vpcflowlogs/", b"o-abcdef1234/", b"aws-service=vpcflowlogs/", b"eu-west-1/",
    b"aws-region=eu-west-1/", b"2026/", b"year=2026/", b"11/", b"month=11/", b"22/", b"day=22/",
    b"31/", b"0000/", b"9999/", b"12/", b"hour=03/", b"/",
    b"123456789012_vpcflowlogs_eu-west-1_fl-0ab1_20261123T0205Z_1f2e.log.gz", b"_fl-0ab1_",
    b".log", "\u0663\u0130\u0131\u00df\u1e9e".encode(), b"\xe9", b"\xed\xa0\x80", b"x" * 70,
)  # fmt: skip
_CHOICES = (
    Choice(),
    Choice(accounts=("123456789012",), region="eu-west-1"),
    choice(
        datetime(2026, 11, 22, tzinfo=UTC),
        datetime(2026, 11, 23, tzinfo=UTC),
    ),
    choice(datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC), region=""),
)
_OWN = re.compile(r"[^\W\d_]\w*|x_\w*")


def fuzz(data: bytes) -> None:
    """Any text is taken for what it is, or refused in one line."""
    text = mixed(data, FRAGMENTS)[:4096].decode("utf-8", "surrogateescape")
    _header(text)
    _user(text)
    _keys(text.split(","))
    _folders(text)


def _header(text: str) -> None:
    try:
        found = from_header(text)
    except DuplicateFieldError as error:
        invariants.one_line(error)
        return
    if found is not None:
        assert len(set(found.columns)) == len(found.columns) == len(text.lstrip("\ufeff").split())
        assert "\n" not in str(found)
        assert judge(text, DEFAULT) == Header(found)


def _user(text: str) -> None:
    try:
        found = from_user(text)
    except UsageError as error:
        invariants.one_line(error)
        return
    assert len(set(found.columns)) == len(found.columns)


def _keys(keys: list[str]) -> None:
    is_record(keys)
    try:
        found = columns(keys[:50])
    except NamesError as error:
        invariants.one_line(error)
    else:
        assert len(set(found)) == len(found) == len(keys[:50])
    assert all(_OWN.fullmatch(own(key)) for key in keys)
    written = line(keys)
    assert len(written.split(" ")) == len(keys)
    assert "\n" not in written


def _folders(text: str) -> None:
    """No folder of a delivery is left out that holds one that is wanted."""
    flow_log(text)
    parts = text.split("/")[:40]
    for wanted in _CHOICES:
        left = False
        for end in range(1, len(parts)):
            at = place("/".join(parts[:end]) + "/")
            if at.days:
                assert at.days[0] <= at.days[1]
            step = wanted.step(at)
            known = at.within and not at.strange and parts[end - 1] != "AWSLogs"
            assert not (left and known) or step is Step.LEAVE
            left = step is Step.LEAVE


SEEDS = [
    b"version account-id srcaddr dstaddr",
    b"${version} ${account-id} ${srcaddr}",
    b"srcAddr,dst_addr,Odd Key,1st",
    b"p/AWSLogs/o-abcdef1234/123456789012/vpcflowlogs/eu-west-1/2026/11/22/03/x.log.gz",
    b"AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/"
    b"month=11/day=22/hour=03/",
    bytes(range(0x80, 0x100)),
]

if __name__ == "__main__":
    invariants.run(fuzz, SEEDS)
