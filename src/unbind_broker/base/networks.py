"""Tell apart who comes, by what they own of the net."""

from ipaddress import IPv6Address, ip_address, ip_network


def network_of(address: str) -> str:
    """Take a host's whole /64 for one address (RFC 4291): it may use all of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)
