"""Names as strangers write them, and addresses that nobody is asked about."""

from __future__ import annotations

import doctest
import re
from ipaddress import ip_address

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlens.core.errors import UsageError
from flowlens.naming.dns import addresses, lifetimes, names, questions, servers, special
from flowlens.naming.dns.special import PRIVATE, SPECIAL, Reach, reach

LABELS = st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=6)


@given(LABELS)
def test_a_shown_name_is_harmless_and_says_exactly_which_bytes_it_has(labels):
    name = dns.name.Name([*labels, b""])
    text = names.shown(name)
    assert re.fullmatch(r"([A-Za-z0-9_-]|\\[0-9]{3})+(\.([A-Za-z0-9_-]|\\[0-9]{3})+)*", text)
    assert dns.name.from_text(text) == name


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (b"\x1b[2J", r"\027\0912J"),
        (b"\x00", r"\000"),
        (b"=cmd|' /C calc'", r"\061cmd\124\039\032\047C\032calc\039"),
        (b'<script>"', r"\060script\062\034"),
        ("\u202e".encode(), r"\226\128\174"),
        (b"a.b", r"a\046b"),
        (b"back\\slash", r"back\092slash"),
        (b"xn--bcher-kva", "xn--bcher-kva"),
        (b"_srv-1", "_srv-1"),
    ],
)
def test_bytes_that_no_host_name_has_are_shown_as_numbers(label, shown):
    assert names.shown(dns.name.Name([label, b"example", b""])) == f"{shown}.example"


def test_the_longest_name_is_shown_whole():
    name = dns.name.Name([b"\xff" * 63] * 3 + [b"\xff" * 61, b""])
    assert len(name.to_wire()) == 255
    assert len(names.shown(name)) == 4 * 250 + 3


@pytest.mark.parametrize("text", [".", "localhost", "x.localhost", "nas", "a.b.LOCAL"])
def test_what_can_be_nobodys_name_is_bogus(text):
    assert names.is_bogus(dns.name.from_text(text))
    assert names.shown(dns.name.from_text(text))


@given(st.permutations(["localhost", "b.example", "a.example", "nas.local"]))
def test_the_chosen_name_does_not_depend_on_the_order(texts):
    assert names.chosen(map(dns.name.from_text, texts)) == dns.name.from_text("a.example")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", Reach.PUBLIC),
        ("9.255.255.255", Reach.PUBLIC),
        ("10.0.0.0", Reach.PRIVATE),
        ("10.255.255.255", Reach.PRIVATE),
        ("11.0.0.0", Reach.PUBLIC),
        ("100.63.255.255", Reach.PUBLIC),
        ("100.64.0.0", Reach.PRIVATE),
        ("100.127.255.255", Reach.PRIVATE),
        ("127.0.0.53", Reach.SPECIAL),
        ("169.254.169.253", Reach.SPECIAL),
        ("172.15.255.255", Reach.PUBLIC),
        ("172.31.255.255", Reach.PRIVATE),
        ("192.0.0.9", Reach.SPECIAL),
        ("198.19.255.255", Reach.SPECIAL),
        ("223.255.255.255", Reach.PUBLIC),
        ("224.0.0.1", Reach.SPECIAL),
        ("255.255.255.255", Reach.SPECIAL),
        ("::1", Reach.SPECIAL),
        ("::ffff:8.8.8.8", Reach.SPECIAL),
        ("64:ff9b::808:808", Reach.SPECIAL),
        ("2001:0:1::1", Reach.SPECIAL),
        ("2001:200::1", Reach.PUBLIC),
        ("2001:db8::1", Reach.SPECIAL),
        ("2002:808:808::1", Reach.SPECIAL),
        ("2a00:1450::1", Reach.PUBLIC),
        ("fc00::1", Reach.PRIVATE),
        ("fd00:ec2::253", Reach.PRIVATE),
        ("fe80::1", Reach.SPECIAL),
        ("ff02::1", Reach.SPECIAL),
    ],
)
def test_special_ranges_are_known(address, kind):
    assert reach(ip_address(address).packed) is kind


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_never_public(address):
    if address.is_private or address.is_multicast or address.is_reserved:
        assert reach(address.packed) is not Reach.PUBLIC


def test_ranges_do_not_overlap():
    for version in (4, 16):
        firsts, ranges = special._RANGES[version]
        lasts = [last for last, _ in ranges]
        assert all(last < first for last, first in zip(lasts, firsts[1:], strict=False))
    assert len(special._RANGES[4][0]) + len(special._RANGES[16][0]) == len(PRIVATE + SPECIAL)


@pytest.mark.parametrize("text", ["", "host:port", "[192.0.2.1", "192.0.2.1:0", "192.0.2.1:70000",
                                  "nobody.invalid", "::1:53", "2001:db8::1:5353"])  # fmt: skip
def test_a_server_that_can_not_be_is_named(text):
    with pytest.raises(UsageError, match=re.escape(f"--resolver {text}: ")):
        servers.servers([text])


def test_a_port_of_many_digits_is_refused_and_shortened():
    with pytest.raises(
        UsageError, match=r"^--resolver 1\.2\.3\.4:9{51}…: ports go from 1 to 65535$"
    ):
        servers.servers(["1.2.3.4:" + 5000 * "9"])
    assert servers.servers(["1.2.3.4:" + 5000 * "0" + "53"]) == servers.servers(["1.2.3.4"])


@pytest.mark.parametrize("text", ["2001:db8::53", "2620:fe::fe:9", "fd00:ec2::253", "::53"])
def test_an_address_that_only_ends_like_a_port_is_an_address(text):
    assert servers.servers([text]) == (servers.Server(text),)


def test_every_address_of_a_name_is_a_server(monkeypatch):
    found = [(0, 0, 0, "", (host, 5353)) for host in ("::1", "127.0.0.1", "::1")]
    monkeypatch.setattr(servers.socket, "getaddrinfo", lambda *_, **__: found)
    assert list(map(str, servers.servers(["localhost:5353"]))) == ["[::1]:5353", "127.0.0.1:5353"]


@pytest.mark.parametrize("module", [addresses, names, special, servers, questions, lifetimes])
def test_doctests(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
