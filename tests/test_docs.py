"""The guide can't rot: it builds without a warning, its commands run, and it leaves out nothing."""

from __future__ import annotations

import doctest
import os
import re
import runpy
import subprocess
import sys

import pages
import pytest
from commands import command
from pages import ROOT, WRITE, blocks, broken, equip, lines, run, words

from flowlens.batch.jobfile.keys import ALERT, NOTIFY, SECTIONS, TOP, keys_of
from flowlens.records.fields import fields
from flowlens.sql.catalog import shipped

DOCS = ROOT / "docs"
GENERATE = runpy.run_path(str(DOCS / "generate.py"))
GENERATED = GENERATE["pages"]()
PAGES = sorted(path for path in DOCS.glob("*.md") if path.name not in GENERATED)
OWN = ("README.md", "CHANGELOG.md", "benchmarks/README.md", "deploy/README.md")
READ = [ROOT / name for name in OWN]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    equip(tmp_path, monkeypatch)
    run(page)


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_as_it_would_be_written(name):
    path = DOCS / name
    if WRITE:
        path.write_text(GENERATED[name], encoding="utf-8")
    assert path.read_text(encoding="utf-8") == GENERATED[name], "run python docs/generate.py"


@pytest.mark.parametrize("page", [*READ, *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page):
    assert broken(page) == []


def test_the_guide_builds_without_a_warning(tmp_path):
    build = [sys.executable, "-P", "-m", "sphinx", "-W", "-n", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*build, DOCS, tmp_path / "html", "-d", tmp_path / "doctrees"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "python.html").read_text().count("flowlens.read") > 0


def options_of(name: str) -> set[str]:
    """The options that `flowlens NAME --help` lists."""
    text = command(*name.split(), "--help").stdout.decode()
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.partition("\nOptions:")[2]))


def command_names(of: str = "") -> list[str]:
    text = command(*of.split(), "--help").stdout.decode().partition("\nCommands:")[2]
    names = [f"{of} {name}".strip() for name in re.findall(r"^  ([a-z]+) ", text, re.MULTILINE)]
    return [each for name in names for each in (name, *command_names(name))]


def told(page: str) -> dict[str, set[str]]:
    """The options that the page of commands tells of each command, its own and the shared ones."""
    parts = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE))
    listed = {title: set(re.findall(r"^\| `[^`]*?(--[a-z-]+)", part, re.MULTILINE))
              for title, part in parts.items()}  # fmt: skip
    return {
        title.removeprefix("flowlens "): listed[title].union(
            *(listed[shared] for shared in re.findall(r"\[([^]`]+)\]\(#", part))
        )
        for title, part in parts.items()
        if title.startswith("flowlens ")
    }


def test_every_command_and_every_option_is_told_and_no_other():
    known = {name: options_of(name) - {"--help"} for name in command_names()}
    assert len(known) >= 9
    assert told(GENERATED["commands.md"]) == known


def test_an_option_that_a_page_names_exists():
    known = {"--version"}.union(*map(options_of, command_names()))
    for page in [ROOT / "README.md", *PAGES]:
        text = page.read_text(encoding="utf-8")
        for option in re.findall(r"`(--[a-z][a-z-]+)", text):
            assert option in known, f"{page.name}: {option}"


def test_every_query_is_told_and_no_other():
    for name, folder in {
        "query-reference.md": "queries",
        "detector-steps.md": "scans",
        "rollups.md": "rollups",
    }.items():
        level = "###" if folder == "queries" else "##"
        headings = re.findall(rf"^{level} (\w+)$", GENERATED[name], re.MULTILINE)
        known = [n for n, query in shipped().items() if query.path.parent.name == folder]
        assert sorted(headings) == sorted(known)
        for query in known:
            for column in shipped()[query].columns:
                assert f"| `{column.name}` | {column.type} |" in GENERATED[name]


def test_a_query_that_a_page_asks_exists():
    for page in [ROOT / "README.md", *PAGES]:
        asked = [
            given[1]
            for block in blocks(page.read_text(encoding="utf-8"))
            if block.language == "sh" and not block.caption
            for given in map(words, lines(block))
            if given and given[0] == "query" and given[1:] and "--queries" not in given
        ]
        assert set(asked) <= set(shipped()), page.name


def test_every_key_of_a_job_file_is_told_with_what_holds_without_it():
    page = GENERATED["job.md"]
    parts = [keys_of(part) for part in SECTIONS.values()]
    keys = [*TOP, *ALERT, *NOTIFY, *(key for part in parts for key in part)]
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| [^|]+ \|$", page, re.MULTILINE)
    assert sorted(rows) == sorted(keys)
    for row in ("`name` | required", '`lateness` | `"1h"`', '`formats` | `["html", "json"]`',
                "`summary_days` | `30`", "`rate` | `200`", "`requester_pays` | `false`",
                '`timeout` | `"60s"`', '`lookback` | `"2d"`', "`below` | "):  # fmt: skip
        assert f"\n| {row} |" in page


def test_the_relations_of_alerts_are_told_with_their_columns(tmp_path, monkeypatch):
    equip(tmp_path, monkeypatch)
    names = ("current", "intervals", "ports", "enis", "scanner_ports")
    page = (DOCS / "schedule.md").read_text(encoding="utf-8")
    rows = {name: re.search(rf"^\| `{name}` \| (.+) \|$", page, re.MULTILINE)[1] for name in names}
    told = {name: re.findall(r"`(\w+)`", row) for name, row in rows.items()}
    alerts = [
        f"[[alerts]]\nname = '{name}'\nmessage = '{name}'\nabove = 0\n"
        f"sql = 'select count(*) as value, {', '.join(set(columns) - set(names))} from {name}"
        f" group by all order by all limit 1'\n"
        for name, columns in told.items()
    ]
    top = "name = 'a'\ninputs = ['fixtures/demo']\nstore = 's'\noutput = 'o'\ninterval = '1d'\n"
    (tmp_path / "a.toml").write_text(top + "".join(alerts))
    done = command("batch", "run", "a.toml")
    assert done.stdout.decode().split() == list(names), done.stderr


def test_athena_is_told_the_types_that_a_store_has():
    known = {"int32": "int", "int64": "bigint", "text": "string", "timestamp[us, UTC]": "timestamp"}
    page = (DOCS / "store.md").read_text(encoding="utf-8")
    columns = page.partition("create external table flows (\n")[2].partition("\n)")[0]
    assert [tuple(line.strip(" ,").split()) for line in columns.splitlines()] == [
        (item.column, known[item.type]) for item in fields().values() if item.version <= 2
    ]


def test_every_field_is_told():
    assert command("schema", "--format", "json").stdout.decode().count('"column"') == sum(
        line.startswith("| ") and not line.startswith(("| field", "| ---"))
        for line in GENERATED["fields.md"].splitlines()
    )


def test_pictures_are_cut_as_pages_say():
    tried = doctest.testmod(pages)
    assert tried.attempted > 1
    assert not tried.failed


def test_the_generator_says_what_is_stale(tmp_path, capsys):
    main = GENERATE["main"]
    assert main(True) == 0
    main.__globals__["DOCS"] = tmp_path
    try:
        assert main(True) == 1
        assert "commands.md: stale" in capsys.readouterr().out
        assert main(False) == 0
        assert main(True) == 0
    finally:
        main.__globals__["DOCS"] = DOCS
