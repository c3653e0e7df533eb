"""What a run did, as `run.json` beside the intervals has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from flowlens.batch.ownership import Output


@dataclass(slots=True)
class Record:
    """What a run did so far; times are ISO 8601, UTC."""

    run: str
    job: str
    flowlens: str
    started: str
    ended: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    listed: int = 0
    new: int = 0
    changed: int = 0
    again: int = 0
    records: int = 0
    malformed: int = 0
    unreadable: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lost_parts: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    compacted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    failed_days: list[str] = field(default_factory=list)
    pruned: int = 0
    alerts: int = 0
    alerts_pending: int = 0
    remarks: list[str] = field(default_factory=list)
    exit_code: int = 0
    error: str = ""

    @property
    def nothing_new(self) -> bool:
        """Whether there was nothing to read, and nothing to publish."""
        return not (self.new or self.changed or self.again or self.published or self.withdrawn)

    def write(self, output: Output) -> None:
        """Put it beside the intervals.

        Raises:
            ForeignError: there is a file of that name that isn't this job's.
        """
        told = {**asdict(self), **output.claim(), "nothing_new": self.nothing_new}
        output.tell(told)
