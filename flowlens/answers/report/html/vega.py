"""The script that draws charts in a browser: Vega, Vega-Lite and their embedder, from vl-convert.

Bundling takes seconds and gives the same each time, so the bundle is kept among what may be lost.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from flowlens.charts import drawing
from flowlens.core import directories
from flowlens.core.errors import FlowlensError
from flowlens.output.sink import open_sink


def script() -> str:
    """The script; `vegaEmbed` is its global name.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    converter = drawing.converter()
    place = _place()
    known = place and _kept(place)
    if known:
        return known
    bundle: str = converter.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if place:
        _keep(bundle, place)
    return bundle


def _place() -> Path | None:
    """The file for this version of vl-convert; None without a home directory."""
    try:
        return directories.cache() / f"vega-{version('vl-convert-python')}.js"
    except RuntimeError:
        return None


def _kept(place: Path) -> str:
    """What is kept there, if it is ours, nobody else's to write, and whole."""
    try:
        status = place.stat()
        if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return ""
        head, _, bundle = place.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return ""
    return bundle if head == _head(bundle) else ""


def _keep(bundle: str, place: Path) -> None:
    with suppress(OSError, FlowlensError):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open_sink(place) as sink:
            sink.write(f"{_head(bundle)}\n{bundle}".encode())


def _head(bundle: str) -> str:
    return f"// sha256 {hashlib.sha256(bundle.encode()).hexdigest()}"
