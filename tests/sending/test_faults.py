import errno
import socket
import ssl

import pytest

from unbind_broker.sending.faults import is_own, name_fault


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
def test_what_this_machine_lacks_is_its_own_fault(number: int) -> None:
    assert is_own(OSError(number, "out of something"))


def test_what_others_do_is_theirs() -> None:
    assert not is_own(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    assert not is_own(OSError("without a number"))


@pytest.mark.parametrize(
    ("error", "phrase"),
    [
        (ConnectionRefusedError(), "connection refused"),
        (ConnectionResetError(), "connection reset"),
        (BrokenPipeError(), "connection reset"),
        (TimeoutError(), "connection timed out"),
        (socket.gaierror(), "name does not resolve"),
        (ssl.SSLError("noise"), "TLS: handshake failed"),
        (ssl.SSLCertVerificationError(), "TLS: certificate verification failed"),
        (OSError(errno.EHOSTUNREACH, "10.0.0.7"), "no route to the host"),
        (OSError(errno.EXDEV, "10.0.0.7"), "connection failed"),
        (OSError("10.0.0.7"), "connection failed"),
    ],
)
def test_fault_is_named_without_its_text(error: OSError, phrase: str) -> None:
    assert name_fault(error) == phrase
