"""Name what went wrong on the way, in words fit for the endpoint's owner."""

import errno
import socket
import ssl


class StoodStill(TimeoutError):
    """This process stood still until there was no time left for a request."""


_OWN = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BY_CLASS: tuple[tuple[type[OSError], str], ...] = (
    (StoodStill, "the broker stood still"),
    (ssl.SSLError, "TLS: handshake failed"),
    (socket.gaierror, "name does not resolve"),
    (TimeoutError, "connection timed out"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "connection reset"),
)
_BY_NUMBER = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the host",
    errno.EADDRNOTAVAIL: "no route to the host",
}
# The codes of X509_verify_cert_error_string(3).
_CERTIFICATES = {
    10: "TLS: certificate has expired",
    9: "TLS: certificate is not yet valid",
    18: "TLS: certificate is self-signed",
    19: "TLS: certificate chain ends in an unknown root",
    20: "TLS: certificate issuer is unknown",
    21: "TLS: certificate chain is incomplete",
    62: "TLS: certificate name mismatch",
    64: "TLS: certificate name mismatch",
}


def is_own(error: OSError) -> bool:
    """Tell whether this machine ran out of something, or of time."""
    return error.errno in _OWN or isinstance(error, StoodStill)


def name_fault(error: OSError) -> str:
    """Give a short phrase; never a host, an address or a secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = getattr(error, "verify_code", 0)
        return _CERTIFICATES.get(code, "TLS: certificate verification failed")
    for fault, phrase in _BY_CLASS:
        if isinstance(error, fault):
            return phrase
    return _BY_NUMBER.get(error.errno or 0, "connection failed")
