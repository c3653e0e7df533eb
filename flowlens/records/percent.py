"""Percent-encoding undone: tag values are percent-encoded UTF-8 in flow logs (AWS's user guide)."""

from __future__ import annotations

from urllib.parse import unquote

import pyarrow as pa


def decoded(texts: pa.Array) -> pa.Array:
    """Texts without their percent-encoding, in the same order; null stays null.

    A percent sign that encodes nothing stays as it is, and so does a text whose bytes are no UTF-8.
    Each distinct value is decoded once. `percent_decoded` of data/macros.sql says the same in SQL.

    >>> decoded(pa.array(["a%20b", "100%", "%ff%20", None])).to_pylist()
    ['a b', '100%', '%ff%20', None]
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.cast(pa.string()).dictionary_encode()
    plain = [text and _plain(text) for text in encoded.dictionary.to_pylist()]
    result: pa.Array = pa.array(plain, pa.string()).take(encoded.indices)
    return result


def _plain(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
