"""The keys of a job file with their types, as the classes in `batch.job` declare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, get_args, get_type_hints

from flowlens.batch.job import Alert, Destination, Job, Kind


@cache
def keys_of(part: type) -> Mapping[str, Any]:
    """The keys of a part of a job with their types."""
    return MappingProxyType(get_type_hints(part, include_extras=True))


SECTIONS: Mapping[str, type] = {
    key: part
    for key, hint in keys_of(Job).items()
    for part in (get_args(hint) if isinstance(hint, UnionType) else [hint])
    if isinstance(part, type) and is_dataclass(part)
}
"""The tables of the file, each with the part of a job that is made of its keys."""

TABLES = (*SECTIONS, "alerts", "notify", "params")
"""The keys at the top whose values are tables."""

TOP = {key: hint for key, hint in keys_of(Job).items() if key not in ("path", *TABLES)}
ALERT = keys_of(Alert)
NOTIFY = keys_of(Destination)

KINDS: Mapping[str, Kind] = {
    "file": Kind.FILE,
    "command": Kind.COMMAND,
    "webhook": Kind.WEBHOOK,
    "webhook_env": Kind.WEBHOOK,
    "sns": Kind.SNS,
}
"""What a key of a destination makes of it."""
