"""Sources: from the inputs a user names to the files, objects and streams there are, each once.

An input is a file, a directory (walked), a glob, `-` for standard input, or begins with the prefix
of a remote place, whose own module lists it. Hidden files are not sources, nor is the test object
that CloudWatch leaves beside its exports.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from flowlens.core.directories import MARK
from flowlens.core.errors import EmptyInputError, NoInputError
from flowlens.inputs import store as stored
from flowlens.inputs.store import Window
from flowlens.records.layouts import Layout

STDIN = "-"

NO_INPUT = "no input: give files, directories, globs, or - for standard input"

NEVER_SOURCES = frozenset(("aws-logs-write-test", "_SUCCESS", MARK))
"""Names of objects that stand beside flow logs and hold none."""

_NEVER = tuple(NEVER_SOURCES)


@dataclass(frozen=True, slots=True)
class Source:
    """One file, object or stream. `size` is in bytes, or None where only reading tells (a pipe).

    What is not in the file system is opened by its `opener`: an object as a seekable stream, with
    OSErrors for whatever goes wrong. `layout` is set where the place knows it. `ahead` starts to
    bring the content near, and returns at once. Sources of one `kind` begin with the same header,
    where that is known. `remark` is what a user should hear before it is read. `stamp` changes when
    the content does: the time of a file's last change in nanoseconds, an object's ETag.
    """

    name: str
    size: int | None
    opener: Callable[[], BinaryIO] | None = field(default=None, compare=False)
    layout: Layout | None = None
    ahead: Callable[[], None] | None = field(default=None, compare=False)
    kind: str = ""
    remark: str = ""
    stamp: str = field(default="", compare=False)

    @property
    def is_stdin(self) -> bool:
        """Whether this is standard input."""
        return self.name == STDIN


@dataclass(frozen=True, slots=True)
class Missing:
    """An input behind which there is no source, and why.

    It is `empty` where there may be one another time, and `there` where it is no mistake even now.
    """

    name: str
    why: str
    empty: bool = False
    there: bool = False


Remote = Callable[[str], Iterable[Source]]
"""Lists the sources of an input elsewhere; raises NoInputError where there is none."""


@dataclass(frozen=True, slots=True)
class Found:
    """The sources of a read, in the order of the inputs and by path within each.

    `inputs` are as they were given; `missing` holds those that aren't there, or whose glob matches
    nothing; `passed_over` names what is known to hold no flow logs; `remarks` are what a user
    should hear of the inputs before they are read. A file that several inputs name is there once.
    """

    inputs: tuple[str, ...]
    sources: tuple[Source, ...]
    missing: tuple[Missing, ...] = ()
    passed_over: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def find(
    inputs: Sequence[str],
    *,
    remote: Mapping[str, Remote] | None = None,
    window: Window = (None, None),
    may_be_empty: bool = False,
    skip_missing: bool = True,
) -> Found:
    """The sources behind the inputs; `remote` lists those that begin with one of its prefixes.

    Of a store, those that may hold records of the window.

    Raises:
        NoInputError: no input was given; none of them is there, unless that may be; or one of
            several isn't, unless these are skipped. One that is there and empty is no such.
    """
    if not inputs:
        raise NoInputError(NO_INPUT)
    if "" in inputs:
        raise NoInputError("an input's name is empty; is the variable that gives it set?")
    sources: list[Source] = []
    missing: list[Missing] = []
    passed_over: list[str] = []
    remarks: list[str] = []
    seen: set[object] = set()
    for name in inputs:
        found = False
        try:
            for identity, source in _expand(name, remote or {}, window, remarks):
                found = True
                if identity in seen:
                    continue
                seen.add(identity)
                if source.name.endswith(_NEVER) and _is_never(source.name) and source.name != name:
                    passed_over.append(source.name)
                    remarks.extend(_of_mark(Path(source.name)))
                else:
                    sources.append(source)
            if not found:
                missing.append(
                    Missing(name, _nothing(name), _may_be_empty(name), Path(name).is_dir())
                )
        except NoInputError as error:
            why = str(error).removeprefix(f"{name}: ")
            empty = isinstance(error, EmptyInputError)
            there = isinstance(error, EmptyInputError) and error.there
            missing.append(Missing(name, why, empty, there))
    if not sources and not may_be_empty:
        first = missing[0] if missing else Missing(inputs[0], f"holds only {passed_over[0]}")
        raise NoInputError(f"{first.name}: {first.why}")
    gone = [lost for lost in missing if not lost.there]
    if gone and not skip_missing:
        more = f" (and {len(gone) - 1:,} more)" if len(gone) > 1 else ""
        raise NoInputError(
            f"{gone[0].name}: {gone[0].why}{more}; --skip-missing reads what is there"
        )
    return Found(tuple(inputs), tuple(sources), tuple(missing), tuple(passed_over), tuple(remarks))


def _beside(store: str) -> Iterator[str]:
    """What to say of a store that is named as an input, if somebody else's files lie in it."""
    with suppress(OSError):
        others = sorted(filter(_is_strange, os.listdir(store)))
        if others:
            more = f" and {len(others) - 1:,} more" if others[1:] else ""
            yield f"{store}: a store; {others[0]}{more} in it isn't part of the store; skipped"


def _of_mark(file: Path) -> Iterator[str]:
    """What to say of a file that is passed over, if it has the name of a store's mark."""
    if file.name != MARK or not os.path.lexists(file):
        return
    if stored.is_store(file.parent):
        yield f"{file.parent}: a store; skipped, name it as an input to read it"
    else:
        yield f"{file}: not part of a store; skipped, the other files here are read"


def _nothing(name: str) -> str:
    if stored.is_store(Path(name)):
        return "the store holds no records of that time"
    if Path(name).is_dir():
        return "the directory holds no files"
    if glob.has_magic(name):
        return "nothing matches this glob"
    return "no such file or directory"


def _is_never(path: str) -> bool:
    return os.path.basename(path) in NEVER_SOURCES


def _may_be_empty(name: str) -> bool:
    return Path(name).is_dir() or glob.has_magic(name)


def _expand(
    name: str, remote: Mapping[str, Remote], window: Window, remarks: list[str]
) -> Iterator[tuple[object, Source]]:
    """The sources behind one input, each with what tells it from every other."""
    if name == STDIN:
        yield STDIN, Source(STDIN, None)
        return
    for prefix, listed in remote.items():
        if name.startswith(prefix):
            yield from ((source.name, source) for source in listed(name))
            return
    if _is_there(name):
        paths = [name]
    elif glob.has_magic(name):
        paths = sorted(glob.glob(name, recursive=True))
    else:
        paths = []
    for path in paths:
        if stored.is_store(Path(path)):
            remarks.extend(_beside(path))
            for part in stored.parts(Path(path), window):
                # What else leads to the same file has the same identity.
                for identity, _ in _source(str(part.path), walked=False):
                    yield identity, Source(str(part.path), part.size)
        elif Path(path).is_dir():
            for file in _walk(path):
                yield from _source(file, walked=True)
        else:
            yield from _source(path, walked=False)


def _is_there(name: str) -> bool:
    """Whether a path leads somewhere, be it to where nobody may look."""
    try:
        os.stat(name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return os.path.lexists(name)
    return True


def _source(path: str, *, walked: bool) -> Iterator[tuple[object, Source]]:
    try:
        status = os.stat(path)
    except OSError:
        yield path, Source(path, 0)
        return
    if stat.S_ISREG(status.st_mode):
        stamp = str(status.st_mtime_ns)
        yield (status.st_dev, status.st_ino), Source(path, status.st_size, stamp=stamp)
    elif stat.S_ISDIR(status.st_mode) or not walked:
        yield path, Source(path, None)


def _walk(directory: str) -> Iterator[str]:
    """All files below a directory that can be sources, sorted; hidden ones are passed over.

    A store further down is passed over as well, its mark being given: it holds what is read beside
    it once more. What somebody else put into it is no part of it. Links to directories are
    followed, each directory once. One that can't be listed is given as if it were a file, so that
    it is named as unreadable.
    """
    walked: set[tuple[int, int]] = set()
    unlisted: list[str] = []
    for place, directories, names in os.walk(
        directory, onerror=lambda error: unlisted.append(str(error.filename)), followlinks=True
    ):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in walked:
            directories.clear()
            continue
        walked.add((status.st_dev, status.st_ino))
        within = os.path.join(place, "")
        taken = _is_visible
        if MARK in names and stored.is_store(Path(place)):
            yield within + MARK
            taken = _is_strange
        directories[:] = sorted(filter(taken, directories))
        for name in sorted(filter(taken, names)):
            yield within + name
    yield from unlisted


def _is_visible(name: str) -> bool:
    return not name.startswith(".")


def _is_strange(name: str) -> bool:
    """Whether a name in a store's directory is none of the store's."""
    return _is_visible(name) and name not in stored.CONTENTS
