"""A table of a job file read by its keys: what is given is converted, what is strange is said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flowlens.batch.job import EXTERNAL_ID
from flowlens.batch.jobfile.keys import SECTIONS, TABLES, TOP, keys_of
from flowlens.batch.jobfile.problems import Problems
from flowlens.batch.jobtypes import Way, Wrong, convert, example, shown
from flowlens.core.errors import nearest

Table = Mapping[str, Any]

_SECRET = re.compile(
    r"pass(word|wd|phrase|code)?$|passw|secret|token|credential|(api|access|private|session)key"
    r"|externalid|bearer|authorization"
)


def read_keys(
    table: Table, keys: Mapping[str, Any], at: Way, problems: Problems, base: Path
) -> dict[str, Any]:
    """The converted values of a table, without what is wrong; `at` is where it stands."""
    values: dict[str, Any] = {}
    known = (*keys, *TABLES) if not at else tuple(keys)
    for key, value in table.items():
        if key in keys:
            try:
                values[key] = convert(value, keys[key], base)
            except Wrong as wrong:
                problems.add_all((*at, key), wrong)
                if wrong.rest is not None:
                    values[key] = wrong.rest
        elif key not in known:
            problems.add((*at, key), _unknown(key, known, at))
    for key, hint in keys.items():
        if key not in table and example(hint):
            problems.add((*at, key), f"is missing; write {key} = {example(hint)}")
    return values


def read_table(table: Table, key: str, problems: Problems) -> Table:
    """The table of a key at the top; an empty one where there is none."""
    value = table.get(key, {})
    if isinstance(value, dict):
        return value
    problems.add((key,), f"{shown(value)} is no table; write [{key}] above its keys")
    return {}


def read_tables(table: Table, key: str, problems: Problems) -> dict[str, Table]:
    """The tables in the table of a key, by their names."""
    found: dict[str, Table] = {}
    for name, value in read_table(table, key, problems).items():
        if isinstance(value, dict):
            found[name] = value
        elif looks_secret(name):
            problems.add((key, name), _remedy(name, (key,)))
        else:
            problems.add(
                (key, name), f"{shown(value)} is no table; write [{key}.NAME] above its keys"
            )
    return found


def read_list(table: Table, key: str, problems: Problems) -> list[tuple[Way, Table]]:
    """The tables of an array at the top, each with where it stands."""
    value = table.get(key, [])
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [((key, number), item) for number, item in enumerate(value)]
    problems.add((key,), f"is no array of tables; write [[{key}]] above the keys of each")
    return []


def looks_secret(key: str) -> bool:
    """Whether a key is one of those that hold secrets elsewhere.

    >>> looks_secret("aws_secret_access_key"), looks_secret("webhook_env")
    (True, False)
    """
    return _SECRET.search(re.sub(r"[^a-z0-9]", "", key.lower())) is not None


def _unknown(key: str, known: Iterable[str], at: Way) -> str:
    if looks_secret(key):
        return _remedy(key, at)
    if at and key in TOP:
        return "no such key here; it belongs at the top, above the first [table]"
    homes = [home for home, part in SECTIONS.items() if key in keys_of(part) and (home,) != at]
    if len(homes) == 1 and key not in known:
        return f"no such key here; it belongs in [{homes[0]}]"
    return f"no such key; {nearest(key, known)}"


def _remedy(key: str, at: Way) -> str:
    remedy = "set it in the environment"
    if re.sub(r"[^a-z]", "", key.lower()) == "externalid":
        remedy += f" as {EXTERNAL_ID}"
    elif at == ("aws",):
        remedy += ", or let AWS's own chain find it"
    elif at[:1] == ("notify",):
        remedy += ', and write webhook_env = "ITS_NAME" for a webhook\'s URL'
    return f"no secrets in a job file; {remedy}"
