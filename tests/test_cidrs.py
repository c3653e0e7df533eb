"""Networks that users list: read line by line, and found by the longest prefix."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlens.core.cidrs import Cidrs, parse_cidr, read_allowed
from flowlens.core.errors import ExitCode, UsageError


def allowed(tmp_path, data: str | bytes):
    path = tmp_path / "allow.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_allowed([path])


def reason(tmp_path, data: str | bytes, address: str = "192.0.2.7") -> str | None:
    found = allowed(tmp_path, data).nearest(ip_address(address))
    return found.reason if found else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("192.0.2.0/24 our own scanner", "our own scanner"),
        ("192.0.2.0/24,our own scanner", "our own scanner"),
        ("192.0.2.0/24 , our own, weekly", "our own, weekly"),
        ("192.0.2.0/24\tour own # until May", "our own"),
        ("192.0.2.7 ticket #42", "ticket #42"),
        ("192.0.2.7 # office", "office"),
        ("192.0.2.7", ""),
        ("  192.0.2.7  x  ", "x"),
    ],
)
def test_an_allowed_network_has_the_reason_beside_it(line, expected, tmp_path):
    assert reason(tmp_path, line) == expected


def test_a_bare_address_allows_only_itself(tmp_path):
    assert reason(tmp_path, "2001:db8::1 probe", "2001:db8::1") == "probe"
    assert reason(tmp_path, "2001:db8::1 probe", "2001:db8::2") is None
    assert reason(tmp_path, "192.0.2.7 probe", "192.0.2.6") is None


def test_the_longest_prefix_gives_the_reason(tmp_path):
    text = "192.0.2.0/24 office\n192.0.2.7 printer\n192.0.0.0/16 provider\n"
    assert reason(tmp_path, text) == "printer"
    assert reason(tmp_path, text, "192.0.2.8") == "office"
    assert reason(tmp_path, text, "192.0.3.8") == "provider"


def test_of_the_same_network_the_first_line_counts(tmp_path):
    assert reason(tmp_path, "192.0.2.0/24 first\n192.0.2.0/24 second\n") == "first"


def test_marks_line_ends_comments_and_blank_lines_are_no_part_of_a_list(tmp_path):
    data = b"\xef\xbb\xbf# ours\r\n\r\n192.0.2.0/24 office\r\n   # end"
    assert reason(tmp_path, data) == "office"


def test_an_empty_list_allows_nobody(tmp_path):
    assert len(allowed(tmp_path, "")) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "# x\n192.0.2.300 a\n",
            "allow.txt:2: '192.0.2.300' is neither an address nor a CIDR; try 203.",
        ),
        ("cidr,reason\n", "allow.txt:1: 'cidr' is neither an address nor a CIDR"),
        (", a\n", "allow.txt:1: ', a' is neither an address"),
        ("192.0.2.0/33 a\n", "allow.txt:1: '192.0.2.0/33' is neither an address nor a CIDR"),
        ("192.0.2.7/24 a\n", "write 192.0.2.0/24, or 192.0.2.7 for one address"),
        ("2001:db8::1/32 a\n", "write 2001:db8::/32, or 2001:db8::1 for one address"),
        ("fe80::1%eth0 a\n", "'fe80::1%eth0' has a zone"),
        (b"192.0.2.0/24 a\n192.0.2.0/24 caf\xe9\n", "allow.txt:2: no UTF-8 text"),
        (b"192.0.2.0/24\0\n", "allow.txt:1: a NUL byte"),
        ("x" * 10_000, "x…' is neither an address"),
    ],
)
def test_a_bad_line_is_named_with_what_to_write(data, message, tmp_path):
    with pytest.raises(UsageError) as caught:
        allowed(tmp_path, data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(tmp_path)) + 200
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_list_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone.txt: No such file or directory; a list must be"):
        read_allowed([tmp_path / "gone.txt"])
    with pytest.raises(UsageError, match="Is a directory"):
        read_allowed([tmp_path])


def test_a_file_too_long_for_a_list_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("flowlens.core.listfile.MOST_BYTES", 10)
    with pytest.raises(UsageError, match="a list must be a small text file"):
        allowed(tmp_path, "192.0.2.0/24 a\n")


# Few distinct bits, so that networks nest and meet the addresses.
numbers = st.integers(0, 15).map(lambda number: number << 28 | number)
networks = st.builds(
    lambda number, length: ip_network((number, length), strict=False), numbers, st.integers(0, 32)
) | st.builds(
    lambda number, length: ip_network((number << 96, length), strict=False),
    numbers,
    st.integers(0, 128),
)


@given(st.lists(networks, max_size=12), numbers)
def test_the_networks_that_hold_an_address_are_found_longest_first(listed, number):
    cidrs = Cidrs((network, place) for place, network in enumerate(listed))
    for address in (ip_address(number), ip_address(number << 96)):
        holding = [place for place, network in enumerate(listed) if address in network]
        holding.sort(key=lambda place: -listed[place].prefixlen)
        assert cidrs.holding(address) == holding
        assert cidrs.nearest(address) == (holding[0] if holding else None)


@given(networks)
def test_a_network_is_read_as_it_is_written(network):
    assert parse_cidr(str(network)) == network


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-f.:/%]{1,20}", fullmatch=True))
def test_any_text_is_a_network_or_one_clear_clause(text):
    fault = ""
    try:
        parse_cidr(text)
    except ValueError as error:
        fault = str(error)
    assert fault.isprintable()
