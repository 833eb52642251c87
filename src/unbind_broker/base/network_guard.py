"""Where deliveries may go: no address inside any house, no URL that hides one.

`check_endpoint_url` judges what is registered, `UrlPolicy.forbids` every address
that a name resolves to when a connection is made. Nothing here resolves names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)
from typing import ClassVar, NoReturn

import idna

from unbind_broker.base.errors import BrokerError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_LENGTH = 2048

# IANA IPv4 and IPv6 Special-Purpose Address Registries, each with its source, and
# what is not in them but leads inside. IPv6 beyond 2000::/3 is refused as a whole.
_FORBIDDEN: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this network"),  # RFC 791 §3.2
        ("10.0.0.0/8", "private use"),  # RFC 1918
        ("100.64.0.0/10", "shared address space"),  # RFC 6598
        ("127.0.0.0/8", "loopback"),  # RFC 1122 §3.2.1.3
        ("168.63.129.16/32", "cloud platform service"),  # Azure's host, from inside
        ("169.254.0.0/16", "link-local"),  # RFC 3927; cloud metadata
        ("172.16.0.0/12", "private use"),  # RFC 1918
        ("192.0.0.0/24", "protocol assignments"),  # RFC 6890 §2.1
        ("192.0.2.0/24", "documentation"),  # RFC 5737
        ("192.31.196.0/24", "AS112 sink"),  # RFC 7535
        ("192.52.193.0/24", "multicast tunnel"),  # RFC 7450
        ("192.88.99.0/24", "6to4 relay"),  # RFC 7526
        ("192.168.0.0/16", "private use"),  # RFC 1918
        ("192.175.48.0/24", "AS112 sink"),  # RFC 7534
        ("198.18.0.0/15", "benchmarking"),  # RFC 2544
        ("198.51.100.0/24", "documentation"),  # RFC 5737
        ("203.0.113.0/24", "documentation"),  # RFC 5737
        ("224.0.0.0/4", "multicast"),  # RFC 5771
        ("240.0.0.0/4", "reserved"),  # RFC 1112 §4; broadcast, RFC 919
        ("::/128", "unspecified"),  # RFC 4291 §2.5.2
        ("::1/128", "loopback"),  # RFC 4291 §2.5.3
        ("::/96", "IPv4-compatible"),  # RFC 4291 §2.5.5.1
        ("64:ff9b:1::/48", "local-use NAT64"),  # RFC 8215
        ("100::/64", "discard only"),  # RFC 6666
        ("100:0:0:1::/64", "dummy prefix"),  # RFC 9780
        ("2001::/23", "protocol assignments"),  # RFC 2928; Teredo, RFC 4380
        ("2001:db8::/32", "documentation"),  # RFC 3849
        ("2002::/16", "6to4"),  # RFC 3056, retired by RFC 7526
        ("2620:4f:8000::/48", "AS112 sink"),  # RFC 7534
        ("3fff::/20", "documentation"),  # RFC 9637
        ("5f00::/16", "segment routing"),  # RFC 9602
        ("fc00::/7", "private use"),  # RFC 4193; cloud metadata
        ("fe80::/10", "link-local"),  # RFC 4291 §2.5.6
        ("fec0::/10", "site-local"),  # RFC 3879
        ("ff00::/8", "multicast"),  # RFC 4291 §2.7
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 §2.4, the only part given out
_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1; what DNS64 answers
# RFC 5214 §6.1: the interface id is 0000:5efe or 0200:5efe and an IPv4 address.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

# RFC 6761 §6.3 and §6.4, RFC 6762 §3, RFC 7686, RFC 8375, RFC 9476, and the private
# TLD of ICANN's 2024 resolution. RFC 6761 tells applications to treat `test` and
# `example` like other names, and so they are: nothing public answers there.
_RESERVED_NAMES = (
    "alt", "arpa", "internal", "invalid", "local", "localdomain", "localhost", "onion"
)  # fmt: skip
_PRIVATE_TLD = "internal"

_URL = re.compile(r"(https?)://([^/?#]*)([/?][^#]*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# What an old resolver reads as an IPv4 address: 127.1, 0177.0.0.1, 0x7f000001.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOWEST_FREE_PORT = 1025
_HIGHEST_PORT = 65535


class EndpointUrlRefused(BrokerError):
    """Refuse an endpoint URL, saying which rule it breaks."""

    code: ClassVar[str] = "endpoint-url-refused"
    title: ClassVar[str] = "Endpoint URL refused"


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Say how far the guard opens.

    `allowed_networks` are private lines that an administrator named;
    `allow_private` lifts the guard as a whole, plain http included.
    """

    allowed_networks: tuple[Network, ...] = ()
    allow_private: bool = False

    def forbids(self, address: Address) -> str | None:
        """Give the reason why no connection may be made to the address, or None."""
        if self.allow_private:
            return None
        return is_forbidden(address, self.allowed_networks)


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """Hold a URL that passed, in its one normal form; `url` is what is dialled."""

    url: str
    scheme: str
    host: str
    port: int


def is_forbidden(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Give the reason why an address is out of bounds, or None.

    An allowed network admits its own addresses and their IPv4-mapped forms. An
    IPv4 address inside an IPv6 one (mapped, NAT64, ISATAP) is judged in its place;
    compatible ones, 6to4, Teredo and local-use NAT64 are out of bounds as such.
    """
    if getattr(address, "scope_id", None):
        return "carries a zone"
    address = _unmapped(address)
    if _within(address, allowed):
        return None
    reason = _table_reason(address)
    embedded = _embedded_ipv4(address)
    if reason is None and embedded is not None:
        return is_forbidden(embedded)
    return reason or (None if _is_given_out(address) else "not given out")


def check_endpoint_url(url: str, policy: UrlPolicy) -> CheckedUrl:
    """Bring a URL into its normal form; raise `EndpointUrlRefused`.

    Demands https, a public host name (IDNA is applied), port 443 or above 1024,
    and nothing that two parsers could read in two ways.
    """
    if len(url) > MAX_URL_LENGTH:
        _refuse(f"at most {MAX_URL_LENGTH} characters")
    match = _URL.fullmatch(url)
    if match is None:
        _refuse("an https URL with a host and without a fragment")
    scheme, authority, rest = match[1].lower(), match[2], match[3] or "/"
    if scheme != "https" and not policy.allow_private:
        _refuse("https")
    if not _PATH.fullmatch(rest):
        _refuse("a path and query in percent-encoded ASCII")
    host, port = _read_authority(authority, scheme, policy)
    rest = rest if rest.startswith("/") else f"/{rest}"
    shown = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    checked = f"{scheme}://{host}{shown}{rest}"
    if len(checked) > MAX_URL_LENGTH:
        _refuse(f"at most {MAX_URL_LENGTH} characters")
    return CheckedUrl(checked, scheme, host.strip("[]"), port)


def _read_authority(authority: str, scheme: str, policy: UrlPolicy) -> tuple[str, int]:
    if "@" in authority:
        _refuse("no user name or password before the host")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        _refuse("a host and, if any, a port number")
    port = int(match[2]) if match[2] else _DEFAULT_PORTS[scheme]
    if not 1 <= port <= _HIGHEST_PORT:
        _refuse("a port between 1 and 65535")
    free = policy.allow_private or port >= _LOWEST_FREE_PORT
    if not free and port != _DEFAULT_PORTS["https"]:
        _refuse("port 443 or a port above 1024")
    if match[1].startswith("["):
        return _check_literal(match[1], policy), port
    return _check_host(match[1], policy), port


def _check_host(host: str, policy: UrlPolicy) -> str:
    name = _ascii_name(host)
    labels = name.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _check_literal(name, policy)
    grammar = _LOCAL_LABEL if policy.allow_private else _LABEL
    if len(name) > 253 or not all(grammar.fullmatch(label) for label in labels):  # noqa: PLR2004 - RFC 1035 §2.3.4
        _refuse("a host name of letters, digits and hyphens")
    if policy.allow_private:
        return name
    if len(labels) == 1:
        _refuse("a public host name, not a single label")
    private_line = bool(policy.allowed_networks) and labels[-1] == _PRIVATE_TLD
    if labels[-1] in _RESERVED_NAMES and not private_line:
        _refuse(f"a public host name, not one under .{labels[-1]}")
    return name


def _ascii_name(host: str) -> str:
    name = host.lower()
    if not name.isascii() or "xn--" in name:
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            _refuse("a host name that IDNA can write")
    return name.removesuffix(".")


def _check_literal(text: str, policy: UrlPolicy) -> str:
    try:
        address: Address = (
            IPv6Address(text[1:-1]) if text.startswith("[") else IPv4Address(text)
        )
    except AddressValueError:
        _refuse("a host name, not an IP address")
    admitted = policy.allow_private or _within(
        _unmapped(address), policy.allowed_networks
    )
    if not admitted or getattr(address, "scope_id", None):
        _refuse("a host name, not an IP address")
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _refuse(expected: str) -> NoReturn:
    raise EndpointUrlRefused(f"expected {expected}") from None


def _unmapped(address: Address) -> Address:
    if isinstance(address, IPv6Address) and address in _MAPPED:
        return _last_ipv4(address)
    return address


def _embedded_ipv4(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    interface = int(address) >> 32 & 0xFFFF_FFFF
    if address in _NAT64 or interface in _ISATAP:
        return _last_ipv4(address)
    return None


def _is_given_out(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global


def _table_reason(address: Address) -> str | None:
    return next((reason for net, reason in _FORBIDDEN if address in net), None)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _last_ipv4(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)
