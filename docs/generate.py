"""Writes the pages that come from flowlens itself: commands, queries, fields, evidence, scanners.

    python docs/generate.py          # writes them beside this file
    python docs/generate.py --check  # exits 1 and names those that are stale

What they say is changed where it stands: in the options of `flowlens/cli`, in the headers of
`queries/*.sql`, in the tables of `flowlens/data`.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer

from flowlens.cli.app import app
from flowlens.fields import fields
from flowlens.named import STEPS, Query, comparing, shipped

DOCS = Path(__file__).parent

SHARED = {
    "Which records count": (
        "since", "until", "ip", "eni", "port", "action", "account", "where",
    ),
    "Reading, and what to do about bad input": (
        "layout", "strict", "quarantine", "fail_empty", "quiet",
    ),
    "On AWS": (
        "region", "profile", "role_arn", "external_id", "endpoint_url", "requester_pays",
    ),
    "Asking for names": (
        "resolver", "rdns_rate", "rdns_budget", "rdns_limit", "rdns_cache", "rdns_private",
    ),
    "Who is who, and where": ("names", "geo", "mmdb"),
}  # fmt: skip
"""Options that several commands share, told once; a command has all of a heading or its own."""

THEMES = {
    "What was refused": (
        "action_totals", "rejected_by_port", "rejected_by_eni_port", "rejected_by_source",
        "rejected_by_eni", "refused_by_class", "refused_pairs", "refused_replies", "refusals",
        "timeline", "activity",
    ),
    "Who is outside": ("accepted_after_rejected", "scanner_answers", "probes", "campaigns"),
    "What goes where": (
        "top_talkers", "conversations", "service_traffic", "traffic_by_eni_port",
        "traffic_by_instance", "traffic_by_subnet", "traffic_by_aws_service", "traffic_by_path",
        "packet_talkers",
    ),
    "Connections that fail": ("half_open", "resets", "tgw_drops"),
    "What the log covers": ("enis", "coverage", "gaps"),
}  # fmt: skip
"""The named queries by what one wants to know; those in none stand at the end."""

METAVARS = {"<str>": "TEXT", "<int>": "N", "<int range>": "N", "<float>": "N"}


def pages() -> dict[str, str]:
    """The generated pages: file name and text."""
    return {
        "commands.md": commands_page(),
        "query-reference.md": queries_page(),
        "detector-steps.md": steps_page(),
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


def commands() -> tuple[list[Command], dict[str, list[Option]]]:
    """All commands, and the shared options by heading."""
    group = typer.main.get_command(app)
    parent = typer.Context(group, info_name="flowlens")
    known: list[Command] = []
    shared: dict[str, list[Option]] = {}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        context = typer.Context(command, info_name=name, parent=parent)
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
        usage = " ".join(["flowlens", name, *map(_argument, arguments), "[OPTION...]"])
        known.append(
            Command(
                name,
                usage,
                command.help,
                [_option(param, context, _argument(param)) for param in arguments],
                list(options.values()),
                headings,
            )
        )
    return known, {title: shared[title] for title in SHARED if title in shared}


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
        "Options that several commands share are told once, [below](#options-that-are-shared); "
        "`flowlens COMMAND --help` lists all of one command. How each ending is told to a script "
        "is in [On a schedule](schedule.md#how-a-run-ends).",
        "INPUT is a file, a directory (walked), a glob, `-` for standard input, "
        "`s3://BUCKET/PREFIX` or `cloudwatch:LOG-GROUP[:STREAM]`, any number of them in any "
        "mixture. See [What it reads](formats.md).",
        _table(
            ("command", "answers"),
            [(f"[`{c.name}`](#flowlens-{c.name})", _first(c.meaning)) for c in known],
        ),
        "`flowlens --version` shows the version; `-h` is short for `--help`.",
    ]
    for command in known:
        text += [f"## flowlens {command.name}", command.meaning, f"```text\n{command.usage}\n```"]
        rows = [
            (f"`{_cell(option.spelling)}`", _cell(option.meaning))
            for option in [*command.arguments, *command.own]
        ]
        text.append(_table(("argument, option", "meaning"), rows))
        if command.shared:
            listed = " · ".join(f"[{title}](#{_slug(title)})" for title in command.shared)
            text.append(f"And: {listed}")
    text += [
        "## Options that are shared",
        "A time without an offset is UTC. A window is half-open: a record counts if it starts at "
        "`--since` or later, and before `--until`.",
    ]
    for title, options in shared.items():
        rows = [(f"`{_cell(o.spelling)}`", _cell(o.meaning)) for o in options]
        names = [f"[`{c.name}`](#flowlens-{c.name})" for c in known if title in c.shared]
        text += [f"### {title}", f"Of {', '.join(names)}.", _table(("option", "meaning"), rows)]
    return _page("flowlens/cli", text)


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
        "Every named query, with its parameters and the columns of its answer. "
        "[Questions](queries.md) tells how they are asked, and how to add your own.",
        "All of them take `limit` (bigint, 0 unless told): rows to give; 0 gives all. `records` "
        "are flow-log records with traffic, and no connections. The order of an answer's rows is "
        "total: the same records give the same rows in the same order. Fields that a query needs "
        "beyond the default format are named; where no input has them, the query says so, and how "
        "a flow log gets them.",
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
    steps = [query for query in shipped().values() if query.path.parent.name in STEPS]
    text = [
        "# Steps of the detector",
        "From flows to [who is scanning](scanners.md) it takes these steps, each a query in "
        "`queries/scans/`. They can be asked as any other, to see what a verdict stands on; "
        "their columns may change from one version to the next.",
        _table(
            ("step", "holds"), [(f"[`{q.name}`](#{q.name})", _first(q.description)) for q in steps]
        ),
    ]
    for query in steps:
        text += _query(query, level="##")
    return _page("the headers of queries/scans/*.sql", text)


def compared_page() -> str:
    """The columns of what a comparison finds, as its JSON and Python have them."""
    text = [
        "# Columns of a comparison",
        "What [`flowlens diff`](comparing.md) finds, as the rows of its JSON and of "
        "`Difference.parts` have it. Each kind of change is one query in `queries/changes/`, over "
        "what the two sides gave; `change` tells the parts apart.",
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
        text.append(f"Stands on {', '.join(map(_relation, query.reads))}.")
    return text


def _relation(name: str) -> str:
    query = shipped().get(name)
    if query is None:
        return f"`{name}`"
    page = "detector-steps.md" if query.path.parent.name == "scans" else "query-reference.md"
    return f"[`{name}`]({page}#{name})"


def fields_page() -> str:
    """The fields of a flow-log record, by version."""
    text = [
        "# Fields",
        "The fields of VPC flow logs, versions 2 to 5 and 7 to 11, and of transit gateway flow "
        "logs, version 6. The 14 of version 2 are the default format. A column is named as AWS "
        "names the field, with `_` for `-`; `start` and `end` are `start_time` and `end_time`. A "
        "field that isn't listed is kept as a text column of its own name. `flowlens schema` "
        "prints this table.",
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
        "What [scanners](scanners.md) are judged by. `--set NAME=VALUE` changes a number for one "
        "run, in Python `flows.scanners(parameters={…})`. The figures of "
        "[how good it is](scanners.md#how-good-it-is) hold for these values and no others.",
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
        "Who says openly that they scan, by the ending of the names that their addresses have. "
        "A name earns the brand only where it [leads back](names.md#what-a-name-says) to the "
        "address. Declared is not benign. [Lists of your own](names.md#your-own-lists) come "
        "before this one.",
        _table(("brand", "kind", "ending"), rows),
    ]
    return _page("flowlens/data/scanners.csv", text)


def _data(name: str) -> Iterable[Mapping[str, str]]:
    text = files("flowlens").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


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
