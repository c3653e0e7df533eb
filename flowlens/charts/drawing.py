"""Drawing: a Vega-Lite specification as SVG or PNG, by vl-convert, which asks no network."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from flowlens.errors import UsageError

SCALE = 2.0
"""Pixels of a PNG for each one of the specification: sharp on the screens of today."""

MISSING = "charts need more than was installed: pip install 'flowlens[plot]'"


def svg(spec: Mapping[str, Any]) -> str:
    """The picture as SVG.

    Raises:
        UsageError: the extra `plot` isn't installed.
    """
    text: str = converter().vegalite_to_svg(dict(spec), allowed_base_urls=[])
    return text


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
