"""Identity: who is behind an address. Pure functions and data; no network, no SQL."""

from __future__ import annotations

from flowlens.identity.geo import Geo
from flowlens.identity.lists import Lists
from flowlens.identity.who import Identity, Tag, describe, identify

__all__ = ["Geo", "Identity", "Lists", "Tag", "describe", "identify"]
