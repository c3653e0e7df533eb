r"""Tokens: a text of any characters as one token of a line, and back again.

A line's tokens are parted by blanks. Blanks and controls within a value become characters of a
private plane (U+10F000 and on), by which nobody writes; such a character itself is marked.
"""

from __future__ import annotations

import re

SIGN = b"\xf4\x8f"
"""What a text has in UTF-8 if anything in it must be taken back."""

_PLANE = 0x10F000
_MARK = "\U0010f0ff"
ODD = re.compile("[\x00-\x20\x7f\U0010f000-\U0010f0ff]")
_STANDS = re.compile("\U0010f0ff(.)|([\U0010f000-\U0010f07f])")


def packed(text: str) -> str:
    """A text as a token.

    >>> unpacked(packed("a b\\n")), packed("eni-1")
    ('a b\\n', 'eni-1')
    """
    return ODD.sub(_pack, text)


def unpacked(token: str) -> str:
    """The text that a token stands for."""
    return _STANDS.sub(_unpack, token)


def _pack(odd: re.Match[str]) -> str:
    code = ord(odd[0])
    return chr(_PLANE + code) if code < _PLANE else _MARK + odd[0]


def _unpack(odd: re.Match[str]) -> str:
    return odd[1] or chr(ord(odd[2]) - _PLANE)
