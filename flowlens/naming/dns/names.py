r"""Names as strangers wrote them: made safe to show, and one chosen where there are several.

A label holds any bytes at all (RFC 2181, 11). Letters, digits, hyphen and underscore are shown as
they are, every other byte as `\DDD` (RFC 1035, 5.1), so that a name is ASCII without blanks,
quotes or control characters, and no two names look the same. Punycode stays punycode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import dns.name

_PLAIN = re.compile(rb"[A-Za-z0-9_-]*")
_SHOWN = [chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f"\\{byte:03d}" for byte in range(256)]

_BYTE = r"\\(?:[01][0-9][0-9]|2[0-4][0-9]|25[0-5])"
_SHOWN_NAME = re.compile(rf"\.|(?:[A-Za-z0-9_-]++\.?+|(?:{_BYTE})++\.?+)+(?<!\.)")
_PLAIN_NAMES = re.compile(r"(?:[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\n)*+")
_LONGEST = 1024

_LOCAL = (b"local", b"localhost")


def shown(name: dns.name.Name) -> str:
    r"""The name as ASCII text without the dot at its end; the root is `.`.

    >>> print(shown(dns.name.Name([b"a.b\x1b", b"example", b""])))
    a\046b\027.example
    """
    return ".".join(map(_label, _labels(name))) or "."


def is_shown(text: str) -> bool:
    r"""Whether a text has the form of a shown name.

    >>> [is_shown(text) for text in (r"a\046b.example", ".", "a..b", "a b", r"a\46b", r"a\256b")]
    [True, True, False, False, False, False]
    """
    return len(text) <= _LONGEST and _SHOWN_NAME.fullmatch(text) is not None


def are_shown(texts: Sequence[str]) -> bool:
    """Whether all of them surely have that form and are of plain letters; a look at all at once.

    >>> are_shown(["a.example", "b.example"]), are_shown(["a.example", "b\\nc"]), are_shown([])
    (True, False, True)
    """
    lines = "\n".join(texts)
    return (
        lines.count("\n") == max(len(texts) - 1, 0)
        and max(map(len, texts), default=0) <= _LONGEST
        and _PLAIN_NAMES.fullmatch(f"{lines}\n" if texts else "") is not None
    )


def is_bogus(name: dns.name.Name) -> bool:
    """Whether the name can't be anyone's in the public DNS: one label, `*.local`, `localhost`.

    >>> [is_bogus(dns.name.from_text(text)) for text in ("localhost", "nas.local", "a.example")]
    [True, True, False]
    """
    labels = _labels(name)
    return len(labels) < 2 or labels[-1].lower() in _LOCAL


def chosen(names: Iterable[dns.name.Name]) -> dns.name.Name:
    """The one of an address's names that is shown: the first in DNS order that isn't bogus.

    Servers give their records in an order that changes from answer to answer; this one (RFC 4034,
    6.1) doesn't. Raises ValueError where there is no name.
    """
    return min(names, key=lambda name: (is_bogus(name), name))


def _labels(name: dns.name.Name) -> tuple[bytes, ...]:
    return name.labels[:-1] if name.is_absolute() else name.labels


def _label(label: bytes) -> str:
    if _PLAIN.fullmatch(label):
        return label.decode("ascii")
    return "".join(_SHOWN[byte] for byte in label)
