"""A chart: a specification that shows itself and can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowlens.charts import drawing
from flowlens.core.errors import UsageError
from flowlens.output.pictures import Picture

if TYPE_CHECKING:
    import altair

MIME = "application/vnd.vegalite.v5+json"
"""What JupyterLab draws by itself, without a network; the charts use nothing newer."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""The name of that dialect; nobody loads it."""


@dataclass(frozen=True, slots=True, repr=False)
class Chart:
    """A picture of an answer; `spec` is Vega-Lite, with all of its data in it."""

    spec: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What stands above it."""
        return str(self.spec["title"]["text"])

    @property
    def altair(self) -> altair.Chart:
        """The same as a chart of altair's, to be changed at will.

        Raises:
            UsageError: the extra `plot` isn't installed.
        """
        try:
            import altair
        except ImportError as error:
            raise UsageError(drawing.MISSING) from error
        chart: altair.Chart = altair.Chart.from_dict({**self.spec})
        return chart

    def svg(self) -> str:
        """The picture as SVG."""
        return drawing.svg(self.spec)

    def png(self) -> bytes:
        """The picture as PNG, two pixels for each one of the specification."""
        return drawing.png(self.spec)

    def bytes(self, picture: Picture) -> bytes:
        """The picture as a file holds it."""
        return self.png() if picture is Picture.PNG else self.svg().encode()

    def save(self, path: str | PathLike[str]) -> None:
        """Write a PNG or an SVG, by the path's ending.

        Raises:
            UsageError: another ending, or a place that can't be written to.
        """
        from flowlens.output.sink import open_sink

        place = Path(path)
        picture = Picture.of(place)
        if picture is None:
            raise UsageError(f"{place}: a chart is written as .png or .svg")
        image = self.bytes(picture)
        with open_sink(place) as sink:
            sink.write(image)

    def __repr__(self) -> str:
        return f"Chart: {self.title}; .save('chart.png') keeps it"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """For Jupyter: drawn by JupyterLab itself, or else the picture."""
        lab = {**self.spec, "$schema": SCHEMA}
        return {MIME: lab, "image/svg+xml": self.svg(), "text/plain": repr(self)}
