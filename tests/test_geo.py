"""Countries and networks from MMDB files of any maker; a damaged file is one clear line."""

from __future__ import annotations

import random
from ipaddress import ip_address

import pytest
from mmdb import write_mmdb

from flowlens.core.errors import UsageError
from flowlens.naming.who import Geo, Lists, describe, identify
from flowlens.naming.who.geo import Place

ADDRESS = ip_address("192.0.2.77")
SHAPES = [
    ({"country": {"iso_code": "NL"}}, Place("NL", None)),
    ({"registered_country": {"iso_code": "NL"}}, Place("NL", None)),
    ({"country_code": "nl", "country": "Netherlands", "asn": "AS64500"}, Place("NL", "AS64500")),
    ({"country": "NL", "asn": "AS64500", "as_name": "Example"}, Place("NL", "AS64500 Example")),
    (
        {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"},
        Place(None, "AS64500 Example"),
    ),
    ({"country": ["NL"], "asn": {"x": 1}, "name": 7}, Place(None, "7")),
    ({"country": "Netherlands", "asn": "ASx", "org": "x" * 200}, Place(None, "x" * 100)),
]


@pytest.mark.parametrize(("record", "expected"), SHAPES)
def test_a_record_of_any_maker_is_understood(record, expected, tmp_path):
    path = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": record})
    assert Geo.open(path).place(ADDRESS) == expected


def test_databases_complete_each_other_and_the_first_counts(tmp_path):
    one = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": {"country_code": "NL"}})
    two = write_mmdb(tmp_path / "b.mmdb", {"192.0.2.0/24": {"country_code": "DE", "asn": 64500}})
    who = identify(str(ADDRESS), None, None, Lists.shipped(), Geo.open(one, two))
    assert (who.country, who.network) == ("NL", "AS64500")
    assert describe(who) == "AS64500, NL"


def test_a_database_of_ipv4_alone_says_nothing_of_ipv6(tmp_path):
    path = write_mmdb(tmp_path / "a.mmdb", {"192.0.2.0/24": {"asn": 64500}}, version=4)
    geo = Geo.open(path)
    assert geo.place(ADDRESS).network == "AS64500"
    assert geo.place(ip_address("2001:db8::1")).network is None


def test_what_is_no_database_is_named(tmp_path):
    path = tmp_path / "a.mmdb"
    with pytest.raises(UsageError, match=r"a\.mmdb: .*give an MMDB file"):
        Geo.open(path)
    path.write_bytes(b"no database")
    with pytest.raises(UsageError, match=r"a\.mmdb: no MMDB file, or a damaged one"):
        Geo.open(path)


def test_a_damaged_database_never_shows_more_than_one_line(tmp_path):
    records = {"192.0.2.0/24": {"country": {"iso_code": "NL"}, "asn": "AS64500"}}
    whole = write_mmdb(tmp_path / "a.mmdb", records).read_bytes()
    chance = random.Random(1)
    faults = set()
    for number in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / f"{number}.mmdb"
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            Geo.open(path).place(ADDRESS)
        except UsageError as error:
            faults.add(str(error).partition(": ")[2])
    assert faults
    assert all("\n" not in fault for fault in faults)
