"""The kinds of files that hold a picture; imports nothing heavy."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Picture(StrEnum):
    """A picture's file, named by its ending."""

    PNG = ".png"
    SVG = ".svg"

    @classmethod
    def of(cls, path: Path | None) -> Picture | None:
        """The kind that a path asks for; None for no picture.

        >>> Picture.of(Path("a/b.PNG")), Picture.of(Path("b.csv"))
        (<Picture.PNG: '.png'>, None)
        """
        ending = "" if path is None else path.suffix.lower()
        return next((one for one in cls if one == ending), None)
