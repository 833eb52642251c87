"""Every range that is out of bounds, from its first address to its last.

Written down from IANA's special-purpose registries by itself, so that the guard's own
table is not what it is measured by.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from unbind_broker.base.network_guard import (
    EndpointUrlRefused,
    UrlPolicy,
    check_endpoint_url,
    is_forbidden,
)

PUBLIC = None
# The range, the reason, and what is thought of the addresses before and after it.
RANGES = [
    ("0.0.0.0/8", "this network", "none", PUBLIC),
    ("10.0.0.0/8", "private use", PUBLIC, PUBLIC),
    ("100.64.0.0/10", "shared address space", PUBLIC, PUBLIC),
    ("127.0.0.0/8", "loopback", PUBLIC, PUBLIC),
    ("168.63.129.16/32", "cloud platform service", PUBLIC, PUBLIC),
    ("169.254.0.0/16", "link-local", PUBLIC, PUBLIC),
    ("172.16.0.0/12", "private use", PUBLIC, PUBLIC),
    ("192.0.0.0/24", "protocol assignments", PUBLIC, PUBLIC),
    ("192.0.2.0/24", "documentation", PUBLIC, PUBLIC),
    ("192.31.196.0/24", "AS112 sink", PUBLIC, PUBLIC),
    ("192.52.193.0/24", "multicast tunnel", PUBLIC, PUBLIC),
    ("192.88.99.0/24", "6to4 relay", PUBLIC, PUBLIC),
    ("192.168.0.0/16", "private use", PUBLIC, PUBLIC),
    ("192.175.48.0/24", "AS112 sink", PUBLIC, PUBLIC),
    ("198.18.0.0/15", "benchmarking", PUBLIC, PUBLIC),
    ("198.51.100.0/24", "documentation", PUBLIC, PUBLIC),
    ("203.0.113.0/24", "documentation", PUBLIC, PUBLIC),
    ("224.0.0.0/4", "multicast", PUBLIC, "reserved"),
    ("240.0.0.0/4", "reserved", "multicast", "none"),
    ("::/128", "unspecified", "none", "loopback"),
    ("::1/128", "loopback", "unspecified", "IPv4-compatible"),
    ("::2/127", "IPv4-compatible", "loopback", "IPv4-compatible"),
    ("64:ff9b:1::/48", "local-use NAT64", "not given out", "not given out"),
    ("100::/64", "discard only", "not given out", "dummy prefix"),
    ("100:0:0:1::/64", "dummy prefix", "discard only", "not given out"),
    ("2001::/23", "protocol assignments", PUBLIC, PUBLIC),
    ("2001:db8::/32", "documentation", PUBLIC, PUBLIC),
    ("2002::/16", "6to4", PUBLIC, PUBLIC),
    ("2620:4f:8000::/48", "AS112 sink", PUBLIC, PUBLIC),
    ("3fff::/20", "documentation", PUBLIC, PUBLIC),
    ("4000::/3", "not given out", PUBLIC, "not given out"),
    ("5f00::/16", "segment routing", "not given out", "not given out"),
    ("fc00::/7", "private use", "not given out", "not given out"),
    ("fe80::/10", "link-local", "not given out", "site-local"),
    ("fec0::/10", "site-local", "link-local", "multicast"),
    ("ff00::/8", "multicast", "site-local", "none"),
]
# What is inside a larger range above, from the same registries.
INSIDE_RANGES = [
    ("192.0.0.0/29", "protocol assignments"),  # DS-Lite
    ("192.0.0.8/32", "protocol assignments"),  # dummy address
    ("192.0.0.9/32", "protocol assignments"),  # port control, anycast
    ("192.0.0.170/31", "protocol assignments"),  # NAT64 discovery
    ("192.88.99.2/32", "6to4 relay"),
    ("255.255.255.255/32", "reserved"),
    ("2001::/32", "protocol assignments"),  # Teredo
    ("2001:1::1/128", "protocol assignments"),
    ("2001:2::/48", "protocol assignments"),  # benchmarking
    ("2001:3::/32", "protocol assignments"),  # AMT
    ("2001:4:112::/48", "protocol assignments"),  # AS112
    ("2001:10::/28", "protocol assignments"),  # ORCHID
    ("2001:20::/28", "protocol assignments"),  # ORCHIDv2
    ("2001:30::/28", "protocol assignments"),  # drone ids
]
LOOPBACK, METADATA = IPv4Address("127.0.0.1"), IPv4Address("169.254.169.254")


@pytest.mark.parametrize(("network", "reason", "before", "after"), RANGES)
def test_range_is_forbidden_from_its_first_address_to_its_last(
    network: str, reason: str, before: str | None, after: str | None
) -> None:
    span = ip_network(network)
    first, last = span.network_address, span.broadcast_address
    assert is_forbidden(first) == reason
    assert is_forbidden(last) == reason
    if before != "none":
        assert is_forbidden(first - 1) == before
    if after != "none":
        assert is_forbidden(last + 1) == after


@pytest.mark.parametrize(("network", "reason"), INSIDE_RANGES)
def test_range_inside_another_one_is_forbidden(network: str, reason: str) -> None:
    span = ip_network(network)
    assert is_forbidden(span.network_address) == reason
    assert is_forbidden(span.broadcast_address) == reason


@pytest.mark.parametrize("inner", [LOOPBACK, METADATA], ids=str)
@pytest.mark.parametrize(
    "prefix",
    [
        "::ffff:{}",  # mapped, RFC 4291
        "::{}",  # compatible, RFC 4291
        "::ffff:0:{}",  # translated, RFC 2765
        "64:ff9b::{}",  # NAT64, RFC 6052
        "64:ff9b:1::{}",  # NAT64 of one's own, RFC 8215
        "2001:db8::{}",
        "2002:{high:x}:{low:x}::",  # 6to4, RFC 3056
        "2002:{high:x}:{low:x}::{}",
        "2001:0:808:808::{mirrored:x}",  # Teredo's server, RFC 4380
        "2001:0:{high:x}:{low:x}:0:0:f7f7:f7f7",
        "2400:3200::5efe:{}",  # ISATAP, RFC 5214
        "2400:3200::200:5efe:{}",
        "fe80::5efe:{}",
    ],
)
def test_inside_address_in_any_ipv6_dress_is_forbidden(
    inner: IPv4Address, prefix: str
) -> None:
    high, low = divmod(int(inner), 1 << 16)
    mirrored = IPv6Address(int(inner) ^ 0xFFFF_FFFF)
    dressed = prefix.replace("{mirrored:x}", str(mirrored).removeprefix("::"))
    assert is_forbidden(ip_address(dressed.format(inner, high=high, low=low)))


@pytest.mark.parametrize(
    ("allowed", "admitted", "refused"),
    [
        ("10.1.2.0/30", ["10.1.2.0", "10.1.2.3"], ["10.1.1.255", "10.1.2.4"]),
        ("10.1.2.3/32", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.1.2.2", "10.1.2.4"]),
        ("10.1.2.3/32", [], ["64:ff9b::10.1.2.3", "::10.1.2.3", "2002:a01:203::"]),
        ("10.1.2.3/32", [], ["2400:3200::5efe:10.1.2.3", "169.254.169.254", "::1"]),
        ("::1/128", ["::1"], ["::", "::2", "127.0.0.1", "::ffff:127.0.0.1"]),
        ("fd00::/64", ["fd00::", "fd00::ffff:ffff:ffff:ffff"], ["fd00:0:0:1::"]),
    ],
)
def test_named_network_ends_where_it_ends(
    allowed: str, admitted: list[str], refused: list[str]
) -> None:
    networks = (ip_network(allowed),)
    assert [is_forbidden(ip_address(one), networks) for one in admitted] == (
        [None] * len(admitted)
    )
    assert all(is_forbidden(ip_address(one), networks) for one in refused)
    zoned = ip_address("fd00::1%eth0")
    assert is_forbidden(zoned, networks) == "carries a zone"


@pytest.mark.parametrize(
    "host",
    [
        "017700000001",
        "0177.0.0.01",
        "0x7f.0x0.0x0.0x1",
        "0x7F000001.",
        "127.0.0.1.",
        "127.0.0.1。",
        "127．0．0．1",
        "127｡0｡0｡1",
        "①②⑦.⓪.⓪.①",
        "１２７。０。０。１",
        "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
        "²¹³⁰⁷⁰⁶⁴³³",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[0000:0000:0000:0000:0000:ffff:7f00:0001]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::5efe:127.0.0.1]",
        "[::1%25lo]",
        "[::1%lo]",
        "[64:ff9b::169.254.169.254]",
    ],
)
def test_no_spelling_of_an_address_passes_for_a_name(host: str) -> None:
    for authority in (host, f"{host}:8443"):
        with pytest.raises(EndpointUrlRefused):
            check_endpoint_url(f"https://{authority}/hook", UrlPolicy())


@pytest.mark.parametrize(
    "authority",
    [
        "hooks.weibo.com@127.0.0.1",
        "hooks.weibo.com:443@127.0.0.1",
        "127.0.0.1@hooks.weibo.com",
        "hooks.weibo.com%40127.0.0.1",
        "hooks.weibo.com%00.evil.com",
        "hooks.weibo.com\t.evil.com",
        "hooks.weibo.com\u200b.evil.com:22",
        "hooks.weibo.com:443:80",
        "hooks.weibo.com:+443",
        "hooks.weibo.com:0443000",
        "hooks.weibo.com:80",
        "hooks.weibo.com:６３７９",
        "ｌｏｃａｌｈｏｓｔ。",
        "metadata。google。internal",
    ],
)
def test_no_trick_in_the_authority_passes(authority: str) -> None:
    with pytest.raises(EndpointUrlRefused):
        check_endpoint_url(f"https://{authority}/hook", UrlPolicy())
