"""Identity: who is behind an address. Pure functions and data; no network, no SQL."""

from __future__ import annotations

from flowlens.naming.who.geo import Geo
from flowlens.naming.who.lists import Lists
from flowlens.naming.who.who import Identity, Tag, describe, identify

__all__ = ["Geo", "Identity", "Lists", "Tag", "describe", "identify"]
