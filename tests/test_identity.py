"""Who is behind an address: a name earns a brand only if it leads back, and says what it says."""

from __future__ import annotations

import sys
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlens.core.errors import ExitCode, UsageError
from flowlens.naming.who import Geo, Identity, Lists, Tag, describe, identify

ADDRESS = "192.0.2.77"
SHIPPED = Lists.shipped()


def who(name, confirmation="confirmed", address=ADDRESS, lists=SHIPPED) -> Identity:
    return identify(address, name, confirmation, lists)


def listed(tmp_path, text: str) -> Lists:
    path = tmp_path / "list.csv"
    path.write_text(text)
    return Lists.load([path])


def test_a_confirmed_name_of_a_declared_scanner_earns_the_brand():
    found = who("Burger.Census.Shodan.io.")
    assert (found.brand, found.kind, found.claims) == ("Shodan", "search engine", None)
    assert found.url == "https://www.shodan.io"


@pytest.mark.parametrize("confirmation", ["contradicted", "unconfirmed", None])
def test_a_name_that_is_not_confirmed_only_claims(confirmation):
    found = who("a.census.shodan.io", confirmation)
    assert (found.brand, found.kind, found.url, found.claims) == (None, None, None, "Shodan")


@pytest.mark.parametrize("name", ["evilshodan.io", "shodan.io.example.net", "shodan-io.net"])
def test_a_suffix_counts_at_a_dot_and_at_the_end(name):
    assert who(name).brand is None
    assert who(name, None).claims is None


@pytest.mark.parametrize(
    "name",
    [
        "ec2-192-0-2-77.compute-1.amazonaws.com",
        "192-0-2-77.static.isp.example",
        "static.77.2.0.192.clients.example.net",
        "c000024d.example.net",
        "4d0200c0.example.net",
        "192-000-002-077.example.net",
        "host192000002077.example.net",
        "3221226061.example.net",
        "ip192x0x2x77.example.net",
        "ip-192-0-2-77.ec2.internal",
        "77.2.0.192.in-addr.arpa",
    ],
)
def test_a_name_that_holds_the_address_is_generic(name):
    assert who(name).generic


@pytest.mark.parametrize(
    "name",
    [
        "scan-2-77.example.net",
        "rack-0-2-77.example.net",
        "198-51-100-77.static.example.net",
        "census1.example.net",
        "x1920277.example.net",
        "www.192-0-2-77.net",
    ],
)
def test_a_name_with_digits_by_chance_is_not_generic(name):
    assert not who(name).generic


def test_three_long_octets_side_by_side_make_a_name_generic():
    assert who("dyn-113-0-203.example.net", address="203.0.113.9").generic
    assert not who("dyn-113-rack-0-203.example.net", address="203.0.113.9").generic


@pytest.mark.parametrize(
    "name",
    [
        "2001-db8-0-0-0-0-0-2a.example.net",
        "2001-db8--2a.example.net",
        "20010db800000000000000000000002a.example.net",
        ".".join(reversed("20010db800000000000000000000002a")) + ".ip6.example.net",
        "2001-0db8-0000-0000-0000-0000-0000-002a.example.net",
    ],
)
def test_a_name_that_holds_an_ipv6_address_is_generic(name):
    assert who(name, address="2001:db8::2a").generic
    assert not who(name, address="2001:db8:1::2b").generic


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "router",
        "nas.local",
        "x.internal",
        "1.2.0.192.in-addr.arpa",
        "192.0.2.77",
        "",
        ".",
        "a..b",
        "2001\\058db8\\058\\0581",
        "x.\\000com",
    ],
)
def test_a_bogus_name_has_no_operator(name):
    found = who(name)
    assert found.bogus
    assert found.operator is None


def test_the_operator_is_the_registrable_domain_as_registries_see_it():
    assert who("a.b.example.co.uk").operator == "example.co.uk"
    assert who("ec2-1-2-3-4.compute-1.amazonaws.com").operator == "amazonaws.com"
    assert who(None) == Identity(confirmation="confirmed")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("xn--mnchen-3ya.de", "münchen.de"),
        ("xn--r8jz45g.jp", "例え.jp"),
        ("xn--e1afmkfd.xn--p1ai", "пример.рф"),
        ("xn--80ak6aa92e.com", None),
        ("xn--4dbrk0ce.com", None),
        ("xn--ls8h.la", None),
        ("xn--99999999999.com", None),
        ("xn--google-.com", None),
        ("xn--.com", None),
    ],
)
def test_punycode_is_decoded_only_where_that_deceives_nobody(name, shown):
    found = who(name)
    assert found.punycode
    assert found.unicode == shown
    assert name in describe(found)


def test_a_list_that_holds_the_address_earns_the_brand_without_a_name(tmp_path):
    lists = listed(tmp_path, "cidr,brand,kind\n192.0.2.0/24,Outer,x\n192.0.2.64/26,Inner,y\n")
    assert who(None, None, lists=lists).brand == "Inner"
    assert who(None, None, "192.0.2.1", lists).brand == "Outer"
    assert who("a.shodan.io", "confirmed", lists=lists).brand == "Shodan"


def test_a_tag_by_name_needs_the_name_confirmed(tmp_path):
    lists = listed(
        tmp_path,
        "suffix,tag,source,date,reason\n*.Example.org,partner,contract,2026-11-01,agreed\n",
    )
    tag = Tag("partner", "contract", "2026-11-01", "agreed")
    assert who("a.example.org", lists=lists).tags == (tag,)
    assert who("a.example.org", None, lists=lists).tags == ()
    assert who("a.example.org", None, lists=lists).claims == "partner"


def test_the_users_suffix_comes_before_the_shipped_one(tmp_path):
    lists = listed(tmp_path, "# mine\nsuffix,brand\nshodan.io,Mine\n")
    assert who("a.shodan.io", lists=lists).brand == "Mine"


def test_an_empty_list_says_nothing(tmp_path):
    assert who("a.shodan.io", lists=listed(tmp_path, "")).brand == "Shodan"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cidr,tga\n", "list.csv:1: no column 'tga' in a list; did you mean tag?"),
        ("cidr,source\n", "list.csv:1: a list's header has cidr or suffix, and tag or brand"),
        ("cidr,tag,tag\n", "list.csv:1: a column stands twice"),
        ("cidr,tag\n\n192.0.2.0/24\n", "list.csv:3: 1 values where the header has 2"),
        ("cidr,tag\n192.0.2.1/24,x\n", "list.csv:2: '192.0.2.1/24' has host bits set"),
        ("cidr,suffix,tag\n192.0.2.0/24,a.example,x\n", "a row has a cidr or a suffix"),
        ("cidr,suffix,tag\n,,x\n", "a row has a cidr or a suffix"),
        ("cidr,tag\n192.0.2.0/24,\n", "neither a tag nor a brand"),
        ("suffix,tag\n192.0.2.77,x\n", "is no ending of a host name"),
        ("suffix,tag\nmünchen.de,x\n", "is no ending of a host name"),
        ("cidr,tag,date\n192.0.2.0/24,x,soon\n", "date 'soon'; write 2026-11-23"),
        ("cidr,tag,url\n192.0.2.0/24,x,javascript:1\n", "url 'javascript:1'; write https://"),
        ('cidr,tag\n192.0.2.0/24,"x\n', "list.csv:2: no CSV"),
    ],
)
def test_a_bad_line_of_a_list_is_named(text, message, tmp_path):
    with pytest.raises(UsageError) as caught:
        listed(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("identity", "phrase"),
    [
        (who("census.example.org"), "✓ census.example.org"),
        (who("census.example.org", None), "? census.example.org"),
        (who("192-0-2-77.static.example.net"), "? 192-0-2-77.static.example.net"),
        (who("localhost"), "? localhost"),
        (who("a.shodan.io", "contradicted"), "claims to be Shodan, contradicted"),
        (who("192.0.2.77.netsystemsresearch.com"), "✓ Net Systems Research"),
        (who("xn--mnchen-3ya.de"), "✓ xn--mnchen-3ya.de (münchen.de)"),
        (who("a" * 100 + ".example.org"), "✓ …" + "a" * 47 + ".example.org"),
        (who(None), ""),
        (Identity(network="AS64500 Example", country="NL"), "AS64500 Example, NL"),
        (Identity(tags=(Tag("office"),)), "[office]"),
    ],
)
def test_a_screen_says_who_in_one_short_phrase(identity, phrase):
    assert describe(identity) == phrase


@given(
    st.text(st.sampled_from("a1-._\\0:x9nXN"), max_size=1016) | st.text(max_size=80),
    st.ip_addresses().map(str),
    st.sampled_from(["confirmed", "contradicted", "unconfirmed", None]),
)
def test_no_name_makes_it_fail(name, address, confirmation):
    found = who(name, confirmation, address)
    assert len(describe(found)) < 200
    assert not (found.brand and confirmation != "confirmed")


@given(st.ip_addresses(v=4))
def test_every_usual_pattern_of_an_address_is_generic(address):
    dashed = str(address).replace(".", "-")
    back = ".".join(str(address).split(".")[::-1])
    for own in (dashed, back, f"ip{dashed}x", address.packed.hex()):
        assert who(f"{own}.isp.example.net", address=str(address)).generic


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "iptocc", None)
    with pytest.raises(UsageError, match=r"pip install iptocc maxminddb$"):
        Geo.open()


def test_countries_come_from_the_registries():
    assert identify("8.8.8.8", None, None, SHIPPED, Geo.open(None)).country == "US"
    assert Geo.open().place(ip_address("192.0.2.1")).country is None
