from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.provisional import urls

from unbind_broker.base.network_guard import (
    EndpointUrlRefused,
    Network,
    UrlPolicy,
    check_endpoint_url,
    is_forbidden,
)

STRICT = UrlPolicy()
LIFTED = UrlPolicy(allow_private=True)
PRIVATE_LINE = UrlPolicy((ip_network("10.20.0.0/16"), ip_network("fd12:3456::/32")))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "this network"),  # noqa: S104 - an address to refuse
        ("0.1.2.3", "this network"),
        ("10.0.0.1", "private use"),
        ("10.255.255.255", "private use"),
        ("100.64.0.1", "shared address space"),
        ("100.100.100.200", "shared address space"),  # cloud metadata
        ("100.127.255.255", "shared address space"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "cloud platform service"),
        ("169.254.169.254", "link-local"),  # cloud metadata
        ("169.254.0.23", "link-local"),
        ("172.16.0.1", "private use"),
        ("172.31.255.255", "private use"),
        ("192.0.0.8", "protocol assignments"),
        ("192.0.0.192", "protocol assignments"),  # cloud metadata
        ("192.0.2.1", "documentation"),
        ("192.31.196.1", "AS112 sink"),
        ("192.52.193.1", "multicast tunnel"),
        ("192.88.99.1", "6to4 relay"),
        ("192.168.1.1", "private use"),
        ("192.175.48.6", "AS112 sink"),
        ("198.18.0.1", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "IPv4-compatible"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private use"),
        ("::ffff:169.254.169.254", "link-local"),
        ("::ffff:0:127.0.0.1", "not given out"),  # IPv4-translated, RFC 2765
        ("64:ff9b::127.0.0.1", "loopback"),
        ("64:ff9b::10.0.0.1", "private use"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::1", "local-use NAT64"),
        ("64:ff9b:1:7f00:0:100::", "local-use NAT64"),
        ("64:ff9b:2::1", "not given out"),
        ("100::1", "discard only"),
        ("100:0:0:1::1", "dummy prefix"),
        ("2001::1", "protocol assignments"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "protocol assignments"),  # Teredo
        ("2001:2::1", "protocol assignments"),
        ("2001:10::1", "protocol assignments"),  # ORCHID
        ("2001:20::1", "protocol assignments"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("2002:a00:1::1", "6to4"),
        ("2002:808:808::1", "6to4"),
        ("2620:4f:8000::1", "AS112 sink"),
        ("3fff::1", "documentation"),
        ("4000::1", "not given out"),
        ("5f00::1", "segment routing"),
        ("fc00::1", "private use"),
        ("fd00:ec2::254", "private use"),  # cloud metadata
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "carries a zone"),
        ("2606:4700::1111%1", "carries a zone"),
        ("::ffff:8.8.8.8%1", "carries a zone"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("2606:4700:0:1:0:5efe:10.0.0.1", "private use"),  # ISATAP
        ("2606:4700:0:1:200:5efe:127.0.0.1", "loopback"),
    ],
)
def test_address_inside_some_house_is_forbidden(address: str, reason: str) -> None:
    assert is_forbidden(ip_address(address)) == reason


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "114.114.114.114",
        "168.63.129.15",
        "172.15.255.255",
        "172.32.0.0",
        "223.5.5.5",
        "223.255.255.255",
        "2400:3200::1",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2408:8000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",  # what DNS64 answers for an IPv4-only host
        "2606:4700:0:1:0:5efe:8.8.8.8",
    ],
)
def test_public_address_is_not_forbidden(address: str) -> None:
    assert is_forbidden(ip_address(address)) is None


@settings(max_examples=1000)
@given(st.ip_addresses())
def test_guard_is_never_laxer_than_the_standard_library(
    address: IPv4Address | IPv6Address,
) -> None:
    mapped = getattr(address, "ipv4_mapped", None)  # judged as what it maps to
    if mapped is None and (not address.is_global or address.is_multicast):
        assert is_forbidden(address) is not None


@settings(max_examples=500)
@given(st.ip_addresses(v=4))
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("8.8.8.8"))
def test_wrapping_an_address_in_ipv6_never_makes_it_better(inner: IPv4Address) -> None:
    bare = is_forbidden(inner)
    for wrapped in (f"::ffff:{inner}", f"64:ff9b::{inner}", f"2400::5efe:{inner}"):
        assert is_forbidden(IPv6Address(wrapped)) == bare
    for wrapped in (f"::{inner}", f"64:ff9b:1::{inner}"):
        assert is_forbidden(IPv6Address(wrapped)) is not None
    prefix = int(IPv6Address("2002::")) | int(inner) << 80
    assert is_forbidden(IPv6Address(prefix)) == "6to4"
    teredo = int(IPv6Address("2001::")) | (int(inner) ^ 0xFFFF_FFFF)
    assert is_forbidden(IPv6Address(teredo)) is not None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.20.0.5", "10.20.0.0/16"),
        ("::ffff:10.20.0.5", "10.20.0.0/16"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("fd12:3456::1", "fd12:3456::/32"),
        ("64:ff9b:1::a14:5", "64:ff9b:1::/48"),
    ],
)
def test_named_network_admits_its_own_addresses(address: str, network: str) -> None:
    assert is_forbidden(ip_address(address), [ip_network(network)]) is None


@pytest.mark.parametrize(
    "address",
    ["10.21.0.1", "127.0.0.1", "64:ff9b::10.20.0.5", "2002:a14:5::1", "::10.20.0.5"],
)
def test_named_network_admits_nothing_else(address: str) -> None:
    allowed: list[Network] = [ip_network("10.20.0.0/16"), IPv6Network("fd12::/32")]
    assert is_forbidden(ip_address(address), allowed) is not None


def test_policy_judges_what_a_name_resolved_to() -> None:
    inside, outside = ip_address("10.20.0.5"), ip_address("8.8.8.8")
    assert STRICT.forbids(inside) == "private use"
    assert PRIVATE_LINE.forbids(inside) is None
    assert PRIVATE_LINE.forbids(ip_address("10.21.0.5")) == "private use"
    assert LIFTED.forbids(inside) is None
    assert LIFTED.forbids(ip_address("127.0.0.1")) is None
    assert {p.forbids(outside) for p in (STRICT, PRIVATE_LINE, LIFTED)} == {None}


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://hooks.example.com/unbind", "https://hooks.example.com/unbind"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        ("https://example.com:1025/", "https://example.com:1025/"),
        ("https://example.com:65535/", "https://example.com:65535/"),
        ("HTTPS://Example.COM/A?b=C&d=%20", "https://example.com/A?b=C&d=%20"),
        ("https://example.com?a=b", "https://example.com/?a=b"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://回调.例子.中国/p",
         "https://xn--zbss05j.xn--fsqu00a.xn--fiqs8s/p"),
        ("https://ｅｘａｍｐｌｅ。com/", "https://example.com/"),
        ("https://r3---sn.example.com/", "https://r3---sn.example.com/"),
        ("https://1and1.example.com/", "https://1and1.example.com/"),
        ("https://example.com/@user/a:b", "https://example.com/@user/a:b"),
        ("https://hooks.weibo.example/unbind", "https://hooks.weibo.example/unbind"),
        ("https://0x7f.example.com/", "https://0x7f.example.com/"),
        ("https://localhost.example.com/", "https://localhost.example.com/"),
    ],
)  # fmt: skip
def test_public_https_url_is_brought_into_its_normal_form(
    url: str, normal: str
) -> None:
    checked = check_endpoint_url(url, STRICT)
    assert checked.url == normal
    assert check_endpoint_url(normal, STRICT) == checked


def test_checked_url_names_host_and_port() -> None:
    checked = check_endpoint_url("https://Example.com:8443/a", STRICT)
    assert (checked.scheme, checked.host, checked.port) == (
        "https",
        "example.com",
        8443,
    )
    assert check_endpoint_url("https://example.com/", STRICT).port == 443


LITERALS = [
    "127.0.0.1",
    "8.8.8.8",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0X7F.0.0.1",
    "0177.0.0.1",
    "0x",
    "127.0.0.0x1",
    "1.2.3.4.5",
    "256.256.256.256",
    "example.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[2606:4700:4700::1111]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[64:ff9b::7f00:1]",
    "[v1.x]",
    "[]",
    "[127.0.0.1]",
]


@pytest.mark.parametrize("host", LITERALS)
def test_ip_literal_in_any_form_is_refused(host: str) -> None:
    with pytest.raises(EndpointUrlRefused, match="not an IP address"):
        check_endpoint_url(f"https://{host}/hook", STRICT)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ｌｏｃａｌｈｏｓｔ",
        "loc\u00adalhost",
        "intranet",
        "db",
        "com",
        "foo.localhost",
        "printer.local",
        "box.localdomain",
        "metadata.google.internal",
        "a.internal.",
        "router.home.arpa",
        "1.0.0.127.in-addr.arpa",
        "x.invalid",
        "abcdef.onion",
        "x.alt",
    ],
)
def test_single_label_and_reserved_name_is_refused(host: str) -> None:
    with pytest.raises(EndpointUrlRefused, match="a public host name"):
        check_endpoint_url(f"https://{host}/hook", STRICT)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "an https URL"),
        ("example.com", "an https URL"),
        ("//example.com/", "an https URL"),
        ("https:example.com", "an https URL"),
        ("https:/example.com", "an https URL"),
        ("ftp://example.com/", "an https URL"),
        ("file:///etc/passwd", "an https URL"),
        ("unix:///run/x.sock", "an https URL"),
        ("https+unix://example.com/", "an https URL"),
        ("javascript:alert(1)", "an https URL"),
        (" https://example.com/", "an https URL"),
        ("https://example.com/#f", "without a fragment"),
        ("https://example.com#", "without a fragment"),
        ("https://example.com/\n", "percent-encoded ASCII"),
        ("http://example.com/", "expected https"),
        ("HTTP://example.com/", "expected https"),
        ("https://", "a host"),
        ("https:///path", "a host"),
        ("https://:443/", "a host"),
        ("https://example.com:/", "a host"),
        ("https://example.com:x/", "a host"),
        ("https://example.com:-1/", "a host"),
        ("https://example.com:4 43/", "a host"),
        ("https://example.com:４４３/", "a host"),
        ("https://a:b:443/", "a host"),
        ("https://[::1/", "a host"),
        ("https://::1]/", "a host"),
        ("https://[::1]x/", "a host"),
        ("https://user@example.com/", "no user name"),
        ("https://user:pw@example.com/", "no user name"),
        ("https://@example.com/", "no user name"),
        ("https://example.com@127.0.0.1/", "no user name"),
        ("https://example.com:0/", "a port between"),
        ("https://example.com:65536/", "a port between"),
        ("https://example.com:99999/", "a port between"),
        ("https://example.com:80/", "port 443 or"),
        ("https://example.com:22/", "port 443 or"),
        ("https://example.com:444/", "port 443 or"),
        ("https://example.com:1024/", "port 443 or"),
        ("https://exa mple.com/", "letters, digits and hyphens"),
        ("https://example.com\\@evil.com/", "no user name"),
        ("https://example.com\\x/", "letters, digits and hyphens"),
        ("https://exam%70le.com/", "letters, digits and hyphens"),
        ("https://127.0.0.1%2f.example.com/", "letters, digits and hyphens"),
        ("https://a_b.example.com/", "letters, digits and hyphens"),
        ("https://-a.example.com/", "letters, digits and hyphens"),
        ("https://a-.example.com/", "letters, digits and hyphens"),
        ("https://a..example.com/", "letters, digits and hyphens"),
        ("https://.example.com/", "letters, digits and hyphens"),
        ("https://example.com../", "letters, digits and hyphens"),
        ("https://./", "letters, digits and hyphens"),
        ("https://exa\x00mple.com/", "letters, digits and hyphens"),
        (f"https://{'a' * 64}.example.com/", "letters, digits and hyphens"),
        (f"https://{'a.' * 125}example.com/", "letters, digits and hyphens"),
        ("https://☃.example.com/", "IDNA"),
        ("https://xn--zz.example.com/", "IDNA"),
        ("https://example℀.com/", "IDNA"),
        ("https://example.com／@evil.com/", "no user name"),
        ("https://example.com／evil.com/", "IDNA"),
        ("https://example.com：443/", "IDNA"),
        ("https://example.com/路径", "percent-encoded ASCII"),
        ("https://example.com/a b", "percent-encoded ASCII"),
        ("https://example.com/%zz", "percent-encoded ASCII"),
        ("https://example.com/a\\b", "percent-encoded ASCII"),
        ("https://example.com/a\r\nHost: x", "percent-encoded ASCII"),
        ("https://example.com/<script>", "percent-encoded ASCII"),
        (f"https://example.com/{'a' * 2048}", "at most 2048"),
    ],
)
def test_url_that_breaks_a_rule_is_refused_by_name(url: str, message: str) -> None:
    with pytest.raises(EndpointUrlRefused, match=message):
        check_endpoint_url(url, STRICT)


def test_normal_form_keeps_the_length_limit() -> None:
    host = "例" * 50
    path = "a" * (2048 - len(f"https://{host}.example.com/"))
    with pytest.raises(EndpointUrlRefused, match=r"at most 2048|IDNA|letters"):
        check_endpoint_url(f"https://{host}.example.com/{path}", STRICT)
    short = "例.example.com"
    path = "a" * (2048 - len(f"https://{short}/"))
    with pytest.raises(EndpointUrlRefused, match="at most 2048"):
        check_endpoint_url(f"https://{short}/{path}", STRICT)


def test_refusal_has_its_code_and_does_not_repeat_the_url() -> None:
    with pytest.raises(EndpointUrlRefused) as caught:
        check_endpoint_url("https://user:hunter2@example.com/", STRICT)
    assert caught.value.code == "endpoint-url-refused"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://127.0.0.1:8080/hook", "http://127.0.0.1:8080/hook"),
        ("http://127.0.0.1:80/", "http://127.0.0.1/"),
        ("http://localhost:9/", "http://localhost:9/"),
        ("https://[::1]:8443/", "https://[::1]:8443/"),
        ("http://[0:0::1]/", "http://[::1]/"),
        ("http://my_receiver:8000/x", "http://my_receiver:8000/x"),
        ("https://a.internal/", "https://a.internal/"),
    ],
)
def test_lifted_guard_takes_private_urls(url: str, normal: str) -> None:
    assert check_endpoint_url(url, LIFTED).url == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "http://",
        "http:///x",
        "ftp://localhost/",
        "http://user@localhost/",
        "http://local host/",
        "http://localhost:0/",
        "http://localhost/#f",
        "http://0x7f.1/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_lifted_guard_still_wants_a_url(url: str) -> None:
    with pytest.raises(EndpointUrlRefused):
        check_endpoint_url(url, LIFTED)


@pytest.mark.parametrize(
    "url",
    [
        "https://10.20.0.5/hook",
        "https://10.20.255.255:8443/hook",
        "https://[fd12:3456::1]/hook",
        "https://hooks.platform.internal/hook",
        "https://example.com/hook",
    ],
)
def test_named_network_admits_its_literals_and_private_names(url: str) -> None:
    assert check_endpoint_url(url, PRIVATE_LINE).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://10.20.0.5/hook",
        "https://10.21.0.5/hook",
        "https://8.8.8.8/hook",
        "https://0x0a140005/hook",
        "https://[64:ff9b::a14:5]/hook",
        "https://user@10.20.0.5/hook",
        "https://localhost/hook",
        "https://hooks.local/hook",
        "https://hooks/hook",
        "https://10.20.0.5:22/hook",
    ],
)
def test_named_network_lifts_nothing_else(url: str) -> None:
    with pytest.raises(EndpointUrlRefused):
        check_endpoint_url(url, PRIVATE_LINE)


@given(st.text(max_size=60) | st.text(max_size=60).map("https://".__add__) | urls())
def test_checking_raises_only_its_own_error_and_settles_on_one_form(url: str) -> None:
    for policy in (STRICT, PRIVATE_LINE, LIFTED):
        try:
            checked = check_endpoint_url(url, policy)
        except EndpointUrlRefused:
            continue
        assert checked.url.isascii()
        assert check_endpoint_url(checked.url, policy) == checked
