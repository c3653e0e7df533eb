"""A verdict in words and numbers: reasons in nats, and a grade that means something at night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowlens.pipeline.evidence import MICRO, Evidence

OUTCOMES = (
    "refused, nobody is served there",
    "refused, others are served there",
    "allowed, no answer",
    "answered, no session",
    "half-open",
    "allowed, no connection to see",
    "session",
)
"""What became of a touch, by the number that the queries give it."""

_REASONS = (
    ("refused_free", "refused", "refused where nobody is served"),
    ("refused_served", "refused_served", "refused where others are served"),
    ("refused_only", "refused_rejects_only", "refused, in a log of rejects alone"),
    ("refused_icmp", "refused_icmp", "ICMP refused, its type not logged"),
    ("allowed", "allowed", "allowed without an answer"),
    ("touches_answered", "answered", "answered, without a session"),
    ("half_open", "half_open", "left half-open"),
    ("connectionless", "connectionless", "allowed, without connections to see"),
    ("touches_session", "session", "with a session"),
    ("swept", "own_swept", "in a sweep, neither served nor answered"),
    ("lone", "own_lone", "at a probed port, neither served nor answered"),
    ("insisted", "own_insisted", "neither served nor answered, where it insists"),
    ("retried", "own_retried", "neither served nor answered, tried again as clients do"),
    ("found_open", "own_session", "in a sweep, with a session"),
)
"""Column of a verdict, what it weighs, and how it is said."""

_UNJUDGED = {
    "backscatter": "answers to nobody's question here",
    "return": "only answered us",
}
"""Tiers of sources that opened nothing, and what they did."""


def reasons(row: Mapping[str, Any], evidence: Evidence) -> list[str]:
    """Why a source has its evidence: nats by outcome, which sum up to it, and what else tells.

    `row` is one of the query `sources`.
    """
    parts = [*_standing(row, evidence), *_sums(row, evidence), *_traces(row)]
    if row["tier"] == "probe":
        parts.insert(0, f"{row['contacts']:,} refused: too few touches to judge")
    return [_UNJUDGED[row["tier"]], *parts] if row["tier"] in _UNJUDGED else parts


def _standing(row: Mapping[str, Any], evidence: Evidence) -> Iterator[str]:
    """Why more is needed for an alarm of it, and how much, once that makes a difference."""
    more = row["bar"] - evidence.micro("alarm")
    names = ["one of our own"] if row["inside"] else []
    if row["inside"]:
        more -= evidence.micro("inside")
    if more > 0:
        names.append("trusted for its sessions")
    weighed = row["tier"] in ("scanner", "likely", "benign")
    if names and weighed and row["evidence"] >= evidence.micro("likely"):
        yield f"{', '.join(names)}: bar {row['bar'] / MICRO:,.1f}"
    elif row["inside"]:
        yield names[0]


def _sums(row: Mapping[str, Any], evidence: Evidence) -> Iterator[str]:
    left = row["evidence"]
    for column, weight, words in _REASONS:
        if count := row[column]:
            micro = count * evidence.micro(weight)
            left -= micro
            yield f"{count:,} {words} {_nats(micro)}"
    # What is left is fading; less than shows is not worth a word.
    if left and row["tier"] in ("scanner", "likely") and abs(left) >= MICRO // 20:
        yield f"fading {_nats(left)}"


def _traces(row: Mapping[str, Any]) -> Iterator[str]:
    if row["alarm_contact"]:
        moment = f"{row['alarm_at']:%Y-%m-%d %H:%M:%S} UTC"
        yield f"alarm at touch {row['alarm_contact']:,} of {row['contacts']:,}, {moment}"
    if row["one_srcport"] is not None:
        yield f"one source port ({row['one_srcport']})"
    # What only answers sends no SYN of its own.
    if row["syn_bytes"] in (40, 44) and row["tier"] not in _UNJUDGED:
        yield f"{row['syn_bytes']}-byte SYN, a tool's"


def _nats(micro: int) -> str:
    """Nats with a sign and one decimal, a true minus for screens.

    >>> _nats(3_160_000), _nats(-410_000), _nats(3_118_500_000_000)
    ('+3.2', '−0.4', '+3,118,500.0')
    """
    return f"{'−' if micro < 0 else '+'}{abs(micro) / MICRO:,.1f}"


def sure(tier: str, micro: int, bar: int) -> int | None:
    """A grade from 1 to 5: likely is 1 or 2, an alarm 3, well above its bar 4, twice as much 5.

    >>> sure("scanner", 30_000_000, 11_500_000), sure("likely", 5_000_000, 11_500_000)
    (5, 1)
    """
    if tier == "likely":
        return 2 if micro * 10 >= bar * 7 else 1
    if tier == "scanner":
        return 5 if micro >= 2 * bar else 4 if micro * 2 >= 3 * bar else 3
    return None
