"""Drawing: a Vega-Lite specification as SVG or PNG, by vl-convert, which asks no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from flowlens.core.errors import UsageError

SCALE = 2.0
"""Pixels of a PNG for each one of the specification: sharp on the screens of today."""

_NAMED = re.compile(r'(url\(#|id="|href="#)(clip|gradient_)(\d+)(?=[)"])')
"""Where a picture names or calls one of its parts."""

MISSING = "charts need more than was installed: pip install altair jinja2 vl-convert-python"


def svg(spec: Mapping[str, Any]) -> str:
    """The picture as SVG.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    text: str = converter().vegalite_to_svg(dict(spec), allowed_base_urls=[])
    return _numbered(text)


def _numbered(text: str) -> str:
    r"""The same picture, whose names count from 1: the converter goes on from picture to picture.

    >>> _numbered('<a clip-path="url(#clip7)"/><clipPath id="clip7"/><b fill="url(#gradient_3)"/>')
    '<a clip-path="url(#clip1)"/><clipPath id="clip1"/><b fill="url(#gradient_1)"/>'
    """
    places: dict[str, dict[str, int]] = {}

    def number(found: re.Match[str]) -> str:
        known = places.setdefault(found[2], {})
        return f"{found[1]}{found[2]}{known.setdefault(found[3], len(known) + 1)}"

    return _NAMED.sub(number, text)


def png(spec: Mapping[str, Any]) -> bytes:
    """The picture as PNG.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    image: bytes = converter().vegalite_to_png(dict(spec), scale=SCALE, allowed_base_urls=[])
    return image


def converter() -> ModuleType:
    """vl-convert; it is loaded when the first chart is drawn.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise UsageError(MISSING) from error
    return vl_convert
