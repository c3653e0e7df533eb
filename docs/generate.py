"""Writes the pages that come from flowlens itself: commands, queries, fields, job files, and more.

    python docs/generate.py          # writes them beside this file
    python docs/generate.py --check  # exits 1 and names those that are stale

What they say is changed where it stands: in the options of `flowlens/cli`, in the headers of
`queries/*.sql`, in the tables of `flowlens/data` and in the comments of `flowlens/data/job.toml`.
"""

from __future__ import annotations

import csv
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, replace
from dataclasses import fields as members
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer

from flowlens.answers.scanners.verdicts import COLUMNS as VERDICTS
from flowlens.batch.job import Alert, Job
from flowlens.batch.jobfile.keys import ALERT, NOTIFY, SECTIONS, TOP, keys_of
from flowlens.batch.jobtypes import example
from flowlens.batch.summaries.judging import NEW
from flowlens.batch.summaries.tables import COLUMNS as SUMMARIES
from flowlens.cli.app import app
from flowlens.records.fields import fields
from flowlens.sql.catalog import STEPS, Query, comparing, shipped

DOCS = Path(__file__).parent

SHARED = {
    "Which records count": (
        "since", "until", "ip", "eni", "port", "action", "account", "where",
    ),
    "Reading and bad input": (
        "layout", "strict", "quarantine", "fail_empty", "timeout", "quiet",
    ),
    "On AWS": (
        "region", "profile", "role_arn", "external_id", "endpoint_url", "requester_pays",
    ),
    "Reverse DNS lookups": (
        "resolver", "rdns_rate", "rdns_budget", "rdns_limit", "rdns_cache", "rdns_private",
    ),
    "Your lists, country and network": ("names", "geo", "mmdb"),
}  # fmt: skip
"""Options that several commands share, listed once; a command has all of a heading or none."""

THEMES = {
    "Rejected traffic": (
        "action_totals", "rejected_by_port", "rejected_by_eni_port", "rejected_by_source",
        "rejected_by_eni", "refused_by_class", "refused_pairs", "refused_replies", "refusals",
        "timeline", "activity",
    ),
    "Sources outside": ("accepted_after_rejected", "scanner_answers", "probes", "campaigns"),
    "Traffic": (
        "top_talkers", "conversations", "service_traffic", "traffic_by_eni_port",
        "traffic_by_instance", "traffic_by_subnet", "traffic_by_aws_service", "traffic_by_path",
        "packet_talkers",
    ),
    "Connections that fail": ("half_open", "resets", "tgw_drops"),
    "What the log covers": ("enis", "coverage", "gaps"),
}  # fmt: skip
"""The named queries by subject; those in none stand at the end."""

PLACES = {"scans": "detector-steps.md", "rollups": "rollups.md"}
"""The pages of queries that stand in a directory of their own."""

METAVARS = {"<str>": "TEXT", "<int>": "N", "<int range>": "N", "<float>": "N"}


def pages() -> dict[str, str]:
    """The generated pages: file name and text."""
    return {
        "commands.md": commands_page(),
        "query-reference.md": queries_page(),
        "detector-steps.md": steps_page(),
        "rollups.md": rollups_page(),
        "job.md": job_page(),
        "published-columns.md": published_page(),
        "compared-columns.md": compared_page(),
        "fields.md": fields_page(),
        "evidence.md": evidence_page(),
        "declared-scanners.md": scanners_page(),
    }


@dataclass(frozen=True, slots=True)
class Option:
    """One option as `--help` tells it."""

    name: str
    spelling: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command as `--help` tells it, with the shared headings that it has whole."""

    name: str
    usage: str
    meaning: str
    arguments: list[Option]
    own: list[Option]
    shared: list[str] = field(default_factory=list)
    holds: tuple[str, ...] = ()

    @property
    def level(self) -> str:
        """Its heading; a command of a command is one below."""
        return "##" if " " not in self.name else "###"


def commands() -> tuple[list[Command], dict[str, list[Option]]]:
    """All commands, and the shared options by heading."""
    group = typer.main.get_command(app)
    known: list[Command] = []
    shared: dict[str, list[Option]] = {}
    for name, command, context in _commands(group, typer.Context(group, info_name="flowlens")):
        params = [param for param in command.get_params(context) if param.name != "help"]
        options = {
            param.name: _option(param, context)
            for param in params
            if param.param_type_name == "option"
        }
        headings = [title for title, names in SHARED.items() if {*names} <= {*options}]
        for title in headings:
            shared[title] = [options.pop(option) for option in SHARED[title]]
        arguments = [param for param in params if param.param_type_name == "argument"]
        holds = tuple(f"{name} {each}" for each in getattr(command, "commands", ()))
        rest = ["COMMAND"] if holds else ["[OPTION...]"] if options or headings else []
        usage = " ".join(["flowlens", name, *map(_argument, arguments), *rest])
        known.append(
            Command(
                name,
                usage,
                command.help,
                [_option(param, context, _argument(param)) for param in arguments],
                list(options.values()),
                headings,
                holds,
            )
        )
    return known, {title: shared[title] for title in SHARED if title in shared}


def _commands(
    group: Any, parent: typer.Context, before: str = ""
) -> Iterator[tuple[str, Any, typer.Context]]:
    """Each command with its whole name; one that has commands of its own comes before these."""
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=name, parent=parent)
        yield f"{before}{name}", command, context
        if hasattr(command, "commands"):
            yield from _commands(command, context, f"{before}{name} ")


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required or name.startswith("[") else f"[{name}]"


def _option(param: Any, context: typer.Context, spelling: str | None = None) -> Option:
    usual, meaning = param.get_help_record(context)
    for theirs, ours in METAVARS.items():
        usual = usual.replace(theirs, ours)
    meaning, _, extra = meaning.partition("  [")
    default = re.search(r"default: ([^;\]]+)", extra)
    if default:
        meaning += f" Default: `{default[1]}`."
    return Option(param.name, spelling or usual, meaning)


def commands_page() -> str:
    """The command line: every command, every option."""
    known, shared = commands()
    text = [
        "# Command line",
        "Options that several commands share are listed once, [below](#shared-options). "
        "`flowlens COMMAND --help` lists all options of a command. [On a schedule]"
        "(schedule.md#how-a-run-ends) lists the exit codes.",
        "INPUT is a file, a directory (read recursively), a glob, `-` for standard input, "
        "`s3://BUCKET/PREFIX` or `cloudwatch:LOG-GROUP[:STREAM]`. You can give several inputs of "
        "different kinds. See [What it reads](formats.md).",
        _listed(known, (c.name for c in known if c.level == "##")),
        "`flowlens --version` shows the version; `-h` is short for `--help`.",
    ]
    for command in known:
        title = f"{command.level} flowlens {command.name}"
        text += [title, command.meaning, f"```text\n{command.usage}\n```"]
        rows = [
            (f"`{_cell(option.spelling)}`", _cell(option.meaning))
            for option in [*command.arguments, *command.own]
        ]
        if rows:
            text.append(_table(("argument, option", "meaning"), rows))
        if command.holds:
            text.append(_listed(known, command.holds))
        if command.shared:
            listed = " · ".join(f"[{title}](#{_slug(title)})" for title in command.shared)
            text.append(f"Shared options: {listed}")
    text += [
        "## Shared options",
        "A time without an offset is UTC. A record is in the window if it starts at `--since` or "
        "later, and before `--until`.",
    ]
    for title, options in shared.items():
        rows = [(f"`{_cell(o.spelling)}`", _cell(o.meaning)) for o in options]
        names = [f"[`{c.name}`](#flowlens-{c.name})" for c in known if title in c.shared]
        text += [f"### {title}", f"For {', '.join(names)}.", _table(("option", "meaning"), rows)]
    return _page("flowlens/cli", text)


def _listed(known: Iterable[Command], names: Iterable[str]) -> str:
    """Some commands, with what each is for."""
    by_name = {command.name: command for command in known}
    rows = [
        (f"[`{name}`](#flowlens-{_slug(name)})", _first(by_name[name].meaning)) for name in names
    ]
    return _table(("command", "what it does"), rows)


def queries_page() -> str:
    """The named queries by theme: what each answers, takes, gives and needs."""
    known = {
        name: query for name, query in shipped().items() if query.path.parent.name not in STEPS
    }
    themes = {title: [name for name in names if name in known] for title, names in THEMES.items()}
    rest = sorted(set(known).difference(*themes.values()))
    themes |= {"More": rest} if rest else {}
    text = [
        "# Query reference",
        "This page lists every named query with its parameters and columns. "
        "[Questions](queries.md) explains how to run them and how to add your own.",
        "Every query has the parameter `limit` (bigint, default 0): the number of rows to return; "
        "0 returns all. `records` counts flow-log records with traffic, not connections. The same "
        "records always give the same rows in the same order. If a query needs fields that the "
        "default format doesn't have, they are listed. If no input has these fields, the query "
        "says so, and says how to add them to the flow log.",
    ]
    for title, names in themes.items():
        rows = [(f"[`{name}`](#{name})", _first(known[name].description)) for name in names]
        text += [f"**{title}**", _table(("query", "answers"), rows)]
    for title, names in themes.items():
        text.append(f"## {title}")
        for name in names:
            text += _query(known[name])
    return _page("the headers of queries/*.sql", text)


def steps_page() -> str:
    """The steps of the detector, which are queries as well."""
    steps = [query for query in shipped().values() if query.path.parent.name == "scans"]
    text = [
        "# Steps of the detector",
        "These steps lead from flow-log records to the [scanners](scanners.md). Each step is a "
        "query in `queries/scans/`. You can run them like any other query to see the data behind "
        "a verdict. Their columns may change in a later version.",
        _table(
            ("step", "content"),
            [(f"[`{q.name}`](#{q.name})", _first(q.description)) for q in steps],
        ),
    ]
    for query in steps:
        text += _query(query, level="##")
    return _page("the headers of queries/scans/*.sql", text)


def rollups_page() -> str:
    """The queries whose answers a store keeps of each day."""
    rollups = [query for query in shipped().values() if query.path.parent.name == "rollups"]
    text = [
        "# Queries of the rollups",
        "A [store](store.md#rollups) keeps rollups of each day. These queries in "
        "`queries/rollups/` compute them. You can run them on any input. In the store, `hour` is "
        "called `start_time`, and instead of the rows of `hourly_sources` there is one sketch of "
        "the sources of each group.",
    ]
    for query in rollups:
        text += _query(query, level="##")
    return _page("the headers of queries/rollups/*.sql", text)


def published_page() -> str:
    """The columns of what a job publishes beside its queries."""
    tables = {
        "scanners": ("The scanners at the end of an interval.", (*VERDICTS, NEW)),
        "totals": ("One row for each interval.", SUMMARIES["totals"]),
        "ports": ("One row for each action and port, over all intervals.", SUMMARIES["ports"]),
        "enis": ("One row for each ENI and action, over all intervals.", SUMMARIES["enis"]),
    }
    text = [
        "# Columns of published tables",
        "A [job](schedule.md#what-is-published) publishes these tables beside its queries. "
        "The [Query reference](query-reference.md) has the columns of queries. "
        "[`flowlens scanners`](scanners.md) writes the same columns as `scanners`, without the "
        "last one.",
    ]
    for name, (meaning, columns) in tables.items():
        rows = [(f"`{c.name}`", c.type, c.unit, _cell(c.meaning)) for c in columns]
        text += [f"## {name}", meaning, _table(("column", "type", "unit", "meaning"), rows)]
    return _page(
        "flowlens/answers/scanners/verdicts.py and flowlens/batch/summaries/tables.py", text
    )


def compared_page() -> str:
    """The columns of what a comparison finds, as its JSON and Python have them."""
    text = [
        "# Columns of a comparison",
        "These are the columns of [`flowlens diff`](comparing.md), in its JSON and in "
        "`Difference.parts`. Each kind of change is one query in `queries/changes/`, over the "
        "records of both sides. The column `change` names the part.",
    ]
    for query in comparing().values():
        if query.columns[0].name == "change":
            text += _query(replace(query, reads=()), level="##")
    return _page("the headers of queries/changes/*.sql", text)


def _query(query: Query, *, level: str = "###") -> list[str]:
    text = [f"{level} {query.name}", _prose(query.description)]
    known = fields()
    needs = [known[name] for name in query.needs]
    beyond = [f"`{item.token}` (version {item.version})" for item in needs if item.version > 2]
    if beyond:
        text.append(f"Needs {', '.join(beyond)}.")
    params = [param for param in query.params if param.name != "limit"]
    if params:
        rows = [(f"`{p.name}`", p.type, f"`{p.default}`", p.unit, _cell(p.meaning)) for p in params]
        text.append(_table(("parameter", "type", "default", "unit", "meaning"), rows))
    columns = [(f"`{c.name}`", c.type, c.unit, _cell(c.meaning)) for c in query.columns]
    text.append(_table(("column", "type", "unit", "meaning"), columns))
    reads = [name for name in query.reads if name != "flows"]
    if reads:
        text.append(f"Reads {', '.join(map(_relation, query.reads))}.")
    return text


def _relation(name: str) -> str:
    query = shipped().get(name)
    if query is None:
        return f"`{name}`"
    page = PLACES.get(query.path.parent.name, "query-reference.md")
    return f"[`{name}`]({page}#{name})"


def fields_page() -> str:
    """The fields of a flow-log record, by version."""
    text = [
        "# Fields",
        "This page lists the fields of VPC flow logs, versions 2 to 5 and 7 to 11, and of transit "
        "gateway flow logs, version 6. The 14 fields of version 2 are the default format. A column "
        "has AWS's name of the field, with `_` for `-`; `start` and `end` are `start_time` and "
        "`end_time`. A field that isn't listed becomes a text column with the field's name. "
        "`flowlens schema` prints this table.",
    ]
    known = list(fields().values())
    for version in sorted({item.version for item in known}):
        rows = [
            (
                f"`{item.token}`" if item.token else "",
                f"`{item.column}`",
                item.type,
                item.unit,
                _cell(item.meaning),
            )
            for item in known
            if item.version == version
        ]
        gateway = ", transit gateways" if version == 6 else ""
        text += [
            f"## Version {version}{gateway}",
            _table(("field", "column", "type", "unit", "meaning"), rows),
        ]
    return _page("flowlens/data/fields.csv", text)


def evidence_page() -> str:
    """The numbers of the evidence, as `--set` takes them."""
    rows = [
        (f"`{row['name']}`", row["value"], row["unit"], _cell(row["meaning"]))
        for row in _data("evidence.csv")
    ]
    text = [
        "# Numbers of the evidence",
        "flowlens judges [scanners](scanners.md) by these numbers. `--set NAME=VALUE` changes a "
        "number for one run; in Python, use `flows.scanners(parameters={…})`. The results in "
        "[How good it is](scanners.md#how-good-it-is) apply only to these values.",
        _table(("name", "value", "unit", "meaning"), rows),
    ]
    return _page("flowlens/data/evidence.csv", text)


def scanners_page() -> str:
    """Those who scan openly, by the names that their addresses have."""
    rows = [
        (
            f"[{_cell(row['brand'])}]({row['url']})" if row["url"] else _cell(row["brand"]),
            row["kind"],
            f"`{row['suffix']}`",
        )
        for row in _data("scanners.csv")
    ]
    text = [
        "# Declared scanners",
        "These organizations say openly that they scan. flowlens recognizes them by the ending of "
        "the names of their addresses. A name counts only if it [resolves back]"
        "(names.md#what-a-name-tells) to the address. A declared scanner isn't necessarily "
        "harmless. [Your own lists](names.md#your-own-lists) take precedence.",
        _table(("brand", "kind", "ending"), rows),
    ]
    return _page("flowlens/data/scanners.csv", text)


@dataclass(frozen=True, slots=True)
class Part:
    """A table of the job file, `""` the top: what it is for, its keys' meanings, an example."""

    name: str
    meaning: str
    keys: dict[str, str] = field(default_factory=dict)
    example: list[str] = field(default_factory=list)


def job_page() -> str:
    """The keys of a job file, as the comments of the one that `batch init` writes explain them."""
    about, parts = _job_file()
    text = [
        "# The job file",
        f"{about} `flowlens batch init JOB.toml` writes a file with all of this. Unknown keys and "
        "invalid values are errors. All are listed at once, with their lines and keys. "
        "[On a schedule](schedule.md) explains how the parts work together.",
        _table(
            ("part", "content"),
            [
                (f"[{_title(part)}](#{_slug(_title(part))})", _first(part.meaning))
                for part in parts
                if part.name
            ],
        ),
    ]
    for part in parts:
        text += [f"## {_title(part)}", part.meaning] if part.name else ["## At the top"]
        keys, made = _taken(part.name)
        if keys:
            assert {*part.keys} == {*keys}, f"job.toml [{part.name}]: not the keys that are taken"
            assert all(part.keys.values()), f"job.toml [{part.name}]: a key without a comment"
            usual = {} if made is None else {each.name: each for each in members(made)}
            rows = [
                (f"`{name}`", _usual(keys[name], usual.get(name)), _cell(part.keys[name]))
                for name in keys
            ]
            text.append(_table(("key", "default", "meaning"), rows))
        example = "\n".join(part.example)
        tomllib.loads(example)
        text.append(f"```toml\n{example}\n```")
    return _page("the comments of flowlens/data/job.toml", text)


def _job_file() -> tuple[str, list[Part]]:
    """What `data/job.toml` says at its top, and its parts."""
    about, comments = "", list[str]()
    parts = {"": Part("", "")}
    part = parts[""]
    for line in _text("job.toml").splitlines():
        bare = line.removeprefix("#")
        table = re.fullmatch(r"\[+([\w.]+)\]+", bare)
        key = re.fullmatch(r"(\w+) = .+", bare)
        if table:
            name = re.sub(r"(params|notify)\..*", r"\1", table[1])
            part = parts.setdefault(name, Part(name, " ".join(comments)))
            part.example.extend(["", bare] if part.example else [bare])
        elif key:
            part.keys.setdefault(key[1], " ".join(comments))
            part.example.append(bare)
        elif line:
            comments.append(line.removeprefix("# "))
            continue
        elif comments:
            about = " ".join(comments)
        comments = []
    return about, list(parts.values())


def _title(part: Part) -> str:
    plain = {"params": "[params.QUERY]", "alerts": "[[alerts]]", "notify": "[notify.NAME]"}
    return f"`{plain.get(part.name, f'[{part.name}]')}`"


def _taken(part: str) -> tuple[Mapping[str, Any], type | None]:
    """The keys that a part takes, and what is made of it; none where any are taken."""
    if part in SECTIONS:
        return keys_of(SECTIONS[part]), SECTIONS[part]
    taken: dict[str, tuple[Mapping[str, Any], type | None]] = {
        "": (TOP, Job),
        "alerts": (ALERT, Alert),
        "notify": (NOTIFY, None),
    }
    return taken.get(part, ({}, None))


def _usual(hint: Any, member: Any) -> str:
    """What holds where a key is left out."""
    if example(hint):
        return "required"
    if member is None:
        return ""
    return "" if member.default in (MISSING, None, ()) else f"`{_toml(member.default)}`"


def _toml(value: Any) -> str:
    """A value as the job file has it."""
    if isinstance(value, timedelta):
        return f'"{_span(value)}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) else f'"{value}"'


def _span(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    # A minute is written as the 60s that it is, and a day as one.
    unit, length = next((u, n) for u, n in units if seconds % n == 0 and (seconds > n or u in "dh"))
    return f"{seconds // length}{unit}"


def _data(name: str) -> Iterable[Mapping[str, str]]:
    return csv.DictReader(line for line in _text(name).splitlines() if not line.startswith("#"))


def _text(name: str) -> str:
    return files("flowlens").joinpath("data", name).read_text(encoding="utf-8")


def _page(origin: str, parts: Iterable[str]) -> str:
    note = f"<!-- Written by docs/generate.py from {origin}; change it there. -->"
    return "\n\n".join([note, *parts]) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(text: str) -> str:
    """A description in which names with an underscore and `*` stand as they are written."""
    return re.sub(r"\b\w+_\w+\b", lambda found: f"`{found[0]}`", text).replace("*", "\\*")


def _first(text: str) -> str:
    """The first sentence."""
    return _prose(text.split(". ")[0].rstrip(".") + ".")


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def main(check: bool) -> int:
    """Write the pages, or with `check` see that they are as they would be written."""
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/{name}: {'stale; run python docs/generate.py' if check else 'written'}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
