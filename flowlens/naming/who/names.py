"""What a host name says by itself: whose domain it is in, whether it can be meant, how it reads.

Names are presentation text: letters, digits, `-` and `_`; any other byte is `\\DDD`. They are
written by whoever holds the address, may be 1,016 characters long, and hold anything.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_TOP_LEVEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
_PUNYCODE = re.compile(r"xn--[a-z0-9-]{1,59}")

NEVER_PUBLIC = frozenset((
    "alt", "arpa", "corp", "domain", "home", "internal", "intranet", "invalid", "lan", "local",
    "localdomain", "localhost", "mail", "onion", "private", "workgroup",
))  # fmt: skip
"""Top-level domains of no public DNS: RFC 6761, 6762, 7686, 9476; ICANN on .internal (2024) and on
.corp, .home and .mail (2018); what routers ship with. `arpa` holds no hosts. `example` and `test`
are not among them: nobody is deceived by these, and documentation needs them.
"""

_TOGETHER = (
    frozenset(("LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA")),
    frozenset(("LATIN", "CJK", "HANGUL")),
    frozenset(("LATIN", "CJK", "BOPOMOFO")),
)
"""Scripts that are read together: UTS #39 5.2, "highly restrictive"."""


def plain(name: str) -> str:
    """A name as names are compared: lower case, without the root's dot.

    >>> plain("Scan.Example.ORG.")
    'scan.example.org'
    """
    return name.removesuffix(".").lower()


def is_bogus(name: str) -> bool:
    """Whether a plain name can't be one of the public DNS: it names nobody.

    >>> [is_bogus(name) for name in ("localhost", "nas.local", "192.0.2.7", "a..b", "example.org")]
    [True, True, True, True, False]
    """
    rest, _, top = name.rpartition(".")
    return (
        not rest or top in NEVER_PUBLIC or not _TOP_LEVEL.fullmatch(top) or not all(name.split("."))
    )


def operator(name: str) -> str | None:
    """The registrable domain of a plain name, as registries see it: hosters' own rules don't count.

    None for a registry's own suffix such as `co.uk`.

    >>> operator("ec2-192-0-2-77.compute-1.amazonaws.com"), operator("co.uk")
    ('amazonaws.com', None)
    """
    return _registries().privatesuffix(name)


@cache
def _registries() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)


def endings(name: str, most: int) -> list[str]:
    """The endings of a name at its dots, longest first, of at most so many labels.

    >>> endings("a.b.example.org", 3)
    ['b.example.org', 'example.org', 'org']
    """
    found: list[str] = []
    dot = len(name)
    while dot >= 0 and len(found) < most:
        dot = name.rfind(".", 0, dot)
        found.append(name[dot + 1 :])
    return found[::-1]


def has_punycode(name: str) -> bool:
    """Whether a plain name has a label that stands for other letters (RFC 5890)."""
    return name.startswith("xn--") or ".xn--" in name


def unicode(name: str) -> str | None:
    """What a plain name with punycode stands for, if it can be shown without deceiving anybody.

    None if a label doesn't decode, isn't normal (NFC, lower case), holds anything but letters and
    digits read from left to right, or if scripts are mixed in the name that aren't read together:
    `xn--80ak6aa92e.com` is Cyrillic and looks like a well-known Latin name.

    >>> unicode("xn--mnchen-3ya.example.de"), unicode("xn--80ak6aa92e.com")
    ('münchen.example.de', None)
    """
    labels = []
    for label in name.split("."):
        shown = _decoded(label) if label.startswith("xn--") else label
        if shown is None:
            return None
        labels.append(shown)
    text = ".".join(labels)
    scripts = {_script(letter) for letter in text if letter.isalpha() or not letter.isascii()}
    readable = len(scripts) == 1 or any(scripts <= together for together in _TOGETHER)
    return text if readable else None


def _decoded(label: str) -> str | None:
    """A label's letters, from its punycode (RFC 3492)."""
    if not _PUNYCODE.fullmatch(label):
        return None
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return None
    normal = text == unicodedata.normalize("NFC", text).lower() and not text.isascii()
    same = normal and text.encode("punycode").decode("ascii") == label.removeprefix("xn--")
    return text if same and all(map(_is_harmless, text)) else None


def _is_harmless(letter: str) -> bool:
    if letter.isascii():
        return letter == "-" or letter.isalnum()
    kept = unicodedata.category(letter) in ("Ll", "Lo", "Lm", "Mn", "Mc", "Nd")
    return kept and unicodedata.bidirectional(letter) in ("L", "NSM")


def _script(letter: str) -> str:
    """A letter's script, as the first word of its name tells it."""
    return unicodedata.name(letter, "").partition(" ")[0]
