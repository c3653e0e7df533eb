"""Layouts: which column each token of a text record belongs to, and how a file shows it.

In this order: a header line, a layout given by the user, the default format of version 2 proved by
the values (FLOW-LOG records of other layouts can have 14 tokens too). Nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, lru_cache

from flowlens.core.errors import FlowlensError, UsageError, nearest
from flowlens.records.columnnames import lacking
from flowlens.records.fields import EXPORT_TIME, STREAM, columns_by_token, field_of, fields

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_BLANKS = re.compile(r"[ \t\r\n\v\f]+")


class Origin(StrEnum):
    """How the layout of a source was found."""

    HEADER = "header"
    GIVEN = "given"
    DEFAULT = "default"
    KEYS = "its keys"
    OWN = "flowlens's columns"
    FLOW_LOG = "its flow log"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a text record in the order of its tokens.

    Of a table, and of a header that isn't AWS's alone, `names` are what its columns are called.
    """

    columns: tuple[str, ...]
    origin: Origin = Origin.HEADER
    names: tuple[str, ...] = field(default=(), compare=False)

    @property
    def named(self) -> bool:
        """Whether the columns of a table were given by their names, and not the order of tokens."""
        return self.origin in (Origin.KEYS, Origin.OWN)

    @property
    def lacking(self) -> str:
        """What a table has no column for; nothing where AWS's header or a user gave the fields."""
        return lacking(self.names, self.columns) if self.names else ""

    @property
    def version(self) -> int:
        """The highest record version among the layout's fields."""
        return max((field_of(column).version for column in self.columns), default=0)

    @property
    def marker(self) -> str | None:
        """The column whose value tells traffic from a quiet interval where no log-status does.

        >>> Layout(("interface_id", "bytes", "dstport")).marker
        'bytes'
        """
        return next((column for column in _MARKERS if column in self.columns), None)

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns without the time and the log stream that may stand before each record."""
        return self.columns[len(self.before) :]

    @property
    def before(self) -> tuple[str, ...]:
        """What stands before each record: nothing, a time, or a time and a log stream."""
        return tuple(column for column in self.columns if column in (EXPORT_TIME, STREAM))

    def __str__(self) -> str:
        return f"version {self.version}, {len(self.fields)} fields, by {self.origin}"


_MARKERS = (
    "srcaddr",
    "dstaddr",
    "pkt_srcaddr",
    "pkt_dstaddr",
    "bytes",
    "packets",
    "dstport",
    "srcport",
    "protocol",
    "action",
)

DEFAULT = Layout(
    tuple(field.column for field in fields().values() if field.version == 2), Origin.DEFAULT
)

_TRANSIT_GATEWAY = """
    version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id
    tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id
    tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr
    srcport dstport protocol packets bytes start end log-status type packets-lost-no-route
    packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region
    flow-direction pkt-src-aws-service pkt-dst-aws-service
"""

TRANSIT_GATEWAY = Layout(
    tuple(columns_by_token()[token] for token in _TRANSIT_GATEWAY.split()), Origin.DEFAULT
)
"""The default format of a transit gateway's flow logs (AWS, "Transit gateway flow log records")."""

_BLANK = r"[ \t\r\v\f]"
_TOKEN = rf"[^ \t\r\n\v\f]+{_BLANK}+"
_GATEWAY_RECORD = rf"[0-9]+{_BLANK}+TransitGateway(?:{_BLANK}|$)"
_VPC_RECORD = rf"[0-9]+{_BLANK}+{_TOKEN}(?:eni-|-{_BLANK})"


def stamped(layout: Layout) -> Layout:
    """The layout of the same records in CloudWatch's export files: a time stands before each."""
    return Layout((EXPORT_TIME, *layout.columns), layout.origin)


def streamed(layout: Layout) -> Layout:
    """The layout of the same records as `aws logs tail` prints them: behind time and stream."""
    return Layout((EXPORT_TIME, STREAM, *layout.columns), layout.origin)


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another default format, whose records may stand among those of a layout; a line that `begins`
    so (a regular expression) is one of them.
    """

    layout: Layout
    begins: str


@lru_cache(100)
def sibling(layout: Layout) -> Sibling | None:
    """The other default format, for one of them: VPCs and transit gateways share log groups.

    >>> sibling(DEFAULT).layout.version, sibling(TRANSIT_GATEWAY).layout.version
    (6, 2)
    """
    if layout.origin is not Origin.DEFAULT:
        return None
    gateway = layout.fields == TRANSIT_GATEWAY.columns
    other, record = (DEFAULT, _VPC_RECORD) if gateway else (TRANSIT_GATEWAY, _GATEWAY_RECORD)
    begins = f"^\ufeff*{_BLANK}*" + _TOKEN * len(layout.before) + record
    return Sibling(Layout((*layout.before, *other.columns), layout.origin), begins)


def of_line(line: str, layout: Layout) -> Layout:
    """The layout of a line that stands under a layout: that one, or its sibling."""
    other = sibling(layout)
    return other.layout if other and re.search(other.begins, line) else layout


class DuplicateFieldError(FlowlensError):
    """A header or a layout names a field twice, so its columns can't be told apart."""


def from_header(line: str) -> Layout | None:
    """The layout that a header line sets, or None if the line is no header.

    A header's tokens are names, at least half of them known; a record always holds a number or
    an address that is no name.

    Raises:
        DuplicateFieldError: a name stands there twice.

    >>> from_header("srcaddr dst-new-field action").columns
    ('srcaddr', 'dst_new_field', 'action')
    >>> from_header("2 123456789012 eni-1") is None
    True
    """
    tokens = [token for token in _BLANKS.split(line.lstrip("\ufeff")) if token]
    if not tokens or not all(_NAME.fullmatch(token) for token in tokens):
        return None
    unknown = sum(_column(token) is None for token in tokens)
    if 2 * unknown > len(tokens):
        return None
    found = _layout(tokens, Origin.HEADER)
    # One with a name that AWS doesn't have is somebody's own, and so perhaps the others, too.
    return replace(found, names=tuple(tokens)) if unknown else found


def from_table(columns: tuple[str, ...], names: tuple[str, ...]) -> Layout:
    """The layout of a table's rows; one that has all that flowlens has was written by it."""
    origin = Origin.OWN if fields().keys() <= set(columns) else Origin.KEYS
    return Layout(columns, origin, names)


def from_user(text: str) -> Layout:
    """The layout a user gives: AWS's `${srcaddr} …`, Terraform's `$${srcaddr} …` or plain names.

    Raises:
        UsageError: no names, a token that is no name, or a name twice.

    >>> from_user("${srcaddr} ${start}").columns
    ('srcaddr', 'start_time')
    """
    tokens = [re.sub(r"^\$+\{(.*)\}$", r"\1", token) for token in text.replace(",", " ").split()]
    wrong = next((token for token in tokens if not _NAME.fullmatch(token)), None)
    if wrong is not None or not tokens:
        raise UsageError(
            f"--layout: {wrong or text!r} isn't a field name; write the layout as AWS does, "
            "'${version} ${account-id} …' or 'version account-id …'"
        )
    unknown = [token for token in tokens if _column(token) is None]
    if 2 * len(unknown) >= len(tokens):
        raise UsageError(
            f"--layout: {unknown[0]!r} isn't a known field; "
            f"{nearest(unknown[0], columns_by_token())}"
        )
    try:
        return _layout(tokens, Origin.GIVEN)
    except DuplicateFieldError as error:
        raise UsageError(f"--layout: {error}") from error


def _layout(tokens: list[str], origin: Origin) -> Layout:
    columns = tuple(_column(token) or token.lower().replace("-", "_") for token in tokens)
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise DuplicateFieldError(f"the header names {field_of(twice).token!r} twice")
    return Layout(columns, origin)


def _column(token: str) -> str | None:
    """The column of AWS's own name, or of its camelCase form, as Logs Insights writes it.

    >>> _column("interface-id"), _column("interfaceId"), _column("src_addr")
    ('interface_id', 'interface_id', None)
    """
    known = columns_by_token().get(token.lower())
    return known or (_camel().get(token.lower()) if _CAMEL.fullmatch(token) else None)


_CAMEL = re.compile(r"[a-z]+(?:[A-Z0-9][a-z0-9]*)+")


@cache
def _camel() -> dict[str, str]:
    return {re.sub("[-_]", "", name): column for name, column in columns_by_token().items()}
