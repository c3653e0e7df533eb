"""Pages of documentation, run from top to bottom as a reader would run them.

What becomes of a block of a page is said by its language:

- `sh`: its commands are run, each must exit 0, or as its comment says: `# exits 4`;
- `text` whose first line is `$ COMMAND`: a picture, held to what that command prints on standard
  output (with `2>&1` on standard error as well). A line `…` stands for lines left out, and what
  comes after it is found by its first line;
- `python`: runs, all blocks of a page in one namespace;
- a block with a caption is a file of that name, which later blocks can use;
- all others, such as `console`, are only shown: what needs AWS, a resolver or an installation.

Scheduled jobs run on the morning after the day that the fixtures are of, whatever the clock says.

`FLOWLENS_GOLDEN=write` draws the pictures anew.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Self

import pytest
from commands import command
from shell import install, shell

from flowlens.batch.run import run as run_batch

ROOT = Path(__file__).parents[1]
CUT = "…"
MORNING = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
WRITE = os.environ.get("FLOWLENS_GOLDEN") == "write"

_BLOCK = re.compile(r"^(```+)(\S[^\n]*)?\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_CAPTION = re.compile(r":caption: ([^\n]+)\n(?::[^\n]*\n)*\n?")
_EXITS = re.compile(r"#.*\bexits (\d+)")
_INCLUDE = re.compile(r"^```{include} (\S+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^()\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its caption if it has one, its text, and its first line."""

    language: str
    caption: str | None
    text: str
    line: int

    @property
    def pictured(self) -> str | None:
        """The command of a picture."""
        first = self.text.partition("\n")[0]
        return first[2:] if self.language == "text" and first.startswith("$ ") else None


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in _BLOCK.finditer(text):
        language = (found[2] or "").removeprefix("{code-block}").strip()
        line = text.count("\n", 0, found.start()) + 2
        caption = _CAPTION.match(found[3])
        body = found[3][caption.end() :] if caption else found[3]
        yield Block(language, caption and caption[1], body, line)


def lines(block: Block) -> list[str]:
    """The commands of a block; a backslash joins a line with the next one."""
    joined = block.text.replace("\\\n", " ").splitlines()
    return [line for line in joined if line.strip() and not line.startswith("#")]


def words(line: str) -> list[str] | None:
    """What flowlens is called with; None where the line needs a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    split = list(lexer)
    if split[0] != "flowlens" or "$(" in line or any(set(word) <= set("();<>|&") for word in split):
        return None
    return split[1:]


def perform(line: str) -> subprocess.CompletedProcess[bytes]:
    """Run one command line, in this process where it is flowlens's alone or ends in flowlens."""
    feeding, _, last = line.rpartition(" | ")
    given = words(last)
    if given is not None:
        fed = subprocess.run(["sh", "-c", feeding or ":"], capture_output=True, check=True).stdout
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(fed)))
            return command(*given)
    return shell(line)


class _Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(MORNING.timestamp(), tz)


def equip(place: Path, monkeypatch) -> None:
    """Make `place` look like a checkout in which flowlens is installed, and go there.

    Scheduled jobs run on the morning after the day that the fixtures are of.
    """
    monkeypatch.setattr("flowlens.cli.jobs.datetime", _Clock)
    monkeypatch.setitem(run_batch.__kwdefaults__, "clock", lambda: MORNING)
    (place / "fixtures").symlink_to(ROOT / "fixtures")
    tools = place / ".bin"
    install(tools)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / ".cache"))
    monkeypatch.chdir(place)


def run(page: Path) -> dict[str, object]:
    """Run a page in the current directory; returns the names that its Python has made."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {}
    anew: list[tuple[str, str]] = []
    for block in blocks(text):
        where = f"{page.name}:{block.line}"
        if block.caption:
            Path(block.caption).parent.mkdir(parents=True, exist_ok=True)
            Path(block.caption).write_text(block.text, encoding="utf-8")
        elif block.pictured:
            drawn = _drawn(block, _printed(block.pictured), where)
            if WRITE:
                anew.append((block.text, drawn))
            else:
                assert block.text == drawn, f"{where}: not what is printed"
        elif block.language == "sh":
            for line in lines(block):
                done = perform(line)
                expected = _EXITS.search(line)
                code = int(expected[1]) if expected else 0
                assert done.returncode == code, f"{where}: {line}\n{done.stderr.decode()}"
        elif block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
    for old, new in anew:
        text = text.replace(f"```text\n{old}```", f"```text\n{new}```")
    if anew:
        page.write_text(text, encoding="utf-8")
    return names


def _printed(line: str) -> list[str]:
    """What a picture's command prints; of fixtures alone that is the same on every page."""
    asks_fixtures = "flowlens" in line and "fixtures/" in line
    return _once(line) if asks_fixtures else _now(line)


def _now(line: str) -> list[str]:
    done = perform(line.removesuffix(" 2>&1"))
    output = done.stdout + (done.stderr if line.endswith(" 2>&1") else b"")
    return output.decode().splitlines()


_once = cache(_now)


def _drawn(block: Block, printed: list[str], where: str) -> str:
    """What a picture ought to be: the command, and as many lines of its output as it shows."""
    first, *shown = block.text.splitlines()
    return "\n".join([first, *_cut(shown, printed, where), ""])


def _cut(shown: list[str], printed: list[str], where: str) -> list[str]:
    """The printed lines, cut where the shown ones are; the last part goes on to the end.

    >>> _cut(["a", "…", "d", "x"], ["a", "b", "c", "d", "e"], "")
    ['a', '…', 'd', 'e']
    >>> _cut(["a", "…"], ["A", "b"], ""), _cut(["a", "…"], ["a"], "")
    (['A', '…'], ['a'])
    """
    parts: list[list[str]] = [[]]
    for line in shown:
        if line == CUT:
            parts.append([])
        else:
            parts[-1].append(line)
    result: list[str] = []
    end = 0
    for number, part in enumerate(parts):
        start = end
        if number and part:
            first = next(index for index, line in enumerate(part) if line)
            assert part[first] in printed[end:], f"{where}: nothing prints {part[first]!r}"
            start = printed.index(part[first], end) - first
        elif number and number == len(parts) - 1:
            start = len(printed)
        result += [CUT] * (start > end)
        end = len(printed) if number == len(parts) - 1 else start + len(part)
        result += printed[start:end]
    return result


def links(text: str) -> list[str]:
    """Where a page's links point to, those in blocks left out."""
    return _LINK.findall(_BLOCK.sub("", text))


def anchors(text: str, at: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them, those included with it."""
    for name in _INCLUDE.findall(text):
        text += (at / name).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    wrong = []
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"), target.parent)
        ):
            wrong.append(link)
    return wrong
