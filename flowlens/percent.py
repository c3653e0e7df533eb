"""Percent-encoding undone: tag values are percent-encoded UTF-8 in flow logs (AWS's user guide)."""

from __future__ import annotations

from urllib.parse import unquote

import pyarrow as pa


def decoded(texts: pa.Array) -> pa.Array:
    """Texts without their percent-encoding, in the same order; null stays null.

    A percent sign that encodes nothing stays as it is; bytes that are no UTF-8 become U+FFFD.
    Each distinct value is decoded once.

    >>> decoded(pa.array(["a%20b", "100%", "%ff", None])).to_pylist()
    ['a b', '100%', '\ufffd', None]
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.cast(pa.string()).dictionary_encode()
    plain = [text and unquote(text) for text in encoded.dictionary.to_pylist()]
    result: pa.Array = pa.array(plain, pa.string()).take(encoded.indices)
    return result
