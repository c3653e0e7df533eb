-- Functions for `sql`, `--where` and users' own queries, for IPv4 and IPv6 alike.

-- The eight groups of an IPv6 address as text between `::`, as a list of four-digit numbers.
create macro flowlens_groups(part) as list_transform(
    list_filter(string_split(part, ':'), lambda item: item <> ''),
    lambda item: lpad(item, 4, '0')
);

-- An IPv4 address as a number.
create macro flowlens_v4(addr) as (
    cast(split_part(addr, '.', 1) as uhugeint) * 16777216
    + cast(split_part(addr, '.', 2) as uhugeint) * 65536
    + cast(split_part(addr, '.', 3) as uhugeint) * 256
    + cast(split_part(addr, '.', 4) as uhugeint)
);

-- An IPv6 address as 32 hexadecimal digits.
create macro flowlens_v6_digits(addr) as array_to_string(
    list_concat(
        flowlens_groups(split_part(addr, '::', 1)),
        list_concat(
            list_transform(
                range(
                    8
                    - len(flowlens_groups(split_part(addr, '::', 1)))
                    - len(flowlens_groups(split_part(addr, '::', 2)))
                ),
                lambda item: '0000'
            ),
            flowlens_groups(split_part(addr, '::', 2))
        )
    ),
    ''
);

-- An address of either family as a number; null where the text is none.
create macro flowlens_number(addr) as case
    when contains(addr, ':') then try_cast('0x' || flowlens_v6_digits(addr) as uhugeint)
    when regexp_full_match(addr, '[0-9]{1,3}([.][0-9]{1,3}){3}') then flowlens_v4(addr)
end;

-- The number of low bits that a CIDR leaves open.
create macro flowlens_open_bits(cidr) as
    (case when contains(cidr, ':') then 128 else 32 end)
    - case
        when contains(cidr, '/') then cast(split_part(cidr, '/', 2) as integer)
        when contains(cidr, ':') then 128
        else 32
    end;

-- An address as a number without its low bits; a shift by all 128 bits is not defined.
create macro flowlens_network(addr, open_bits) as case
    when open_bits = 128 then cast(0 as uhugeint)
    else flowlens_number(addr) >> cast(open_bits as uhugeint)
end;

-- Whether an address lies in a CIDR; false for the other family, null for a null address.
create macro in_cidr(addr, cidr) as case
    when addr is null then null
    when flowlens_number(split_part(cidr, '/', 1)) is null
        or flowlens_open_bits(cidr) < 0
        or flowlens_open_bits(cidr) > (case when contains(cidr, ':') then 128 else 32 end)
        then error('in_cidr: ' || cidr || ' is no CIDR; write 10.0.0.0/8 or 2001:db8::/32')
    when contains(addr, ':') <> contains(cidr, ':') then false
    else flowlens_network(addr, flowlens_open_bits(cidr))
        = flowlens_network(split_part(cidr, '/', 1), flowlens_open_bits(cidr))
end;

-- Whether an address is private: RFC 1918, RFC 6598, RFC 4193, loopback or link-local.
create macro is_private(addr) as case
    when addr is null then null
    else addr like '10.%'
        or addr like '192.168.%'
        or regexp_matches(addr, '^172[.](1[6-9]|2[0-9]|3[01])[.]')
        or regexp_matches(addr, '^100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.]')
        or addr like '127.%'
        or addr like '169.254.%'
        or regexp_matches(addr, '^[fF]([cCdD][0-9a-fA-F]{2}|[eE][89abAB][0-9a-fA-F]):')
        or regexp_full_match(addr, '[0:]*:0{0,3}1')
end;

-- A tag's value without its percent-encoding; what isn't whole stays as it stands.
create macro percent_decoded(text) as coalesce(try(url_decode(text)), text);
