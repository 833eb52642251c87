"""Ask a server one question over its unix socket, without a client library.

The PostgreSQL protocol 3.0 (chapter "Frontend/Backend Protocol") needs three
messages for that, and a blocking socket serves before any event loop runs.
"""

import socket
import struct
from pathlib import Path

PORT = 5432
SUPERUSER = "postgres"
_PROTOCOL = 3 << 16
_TIMEOUT_S = 3.0
_STARTING_UP = "57P03"


class SilenceError(Exception):
    """No usable answer came; `is_starting` when the server asks for patience."""

    def __init__(self, *, is_starting: bool) -> None:
        super().__init__("the server did not answer")
        self.is_starting = is_starting


def ask(socket_folder: Path, question: str) -> list[str]:
    """Give the first row that the server answers with. Raises SilenceError."""
    path = str(socket_folder / f".s.PGSQL.{PORT}")
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_TIMEOUT_S)
            line.connect(path)
            line.sendall(_startup())
            _read_until(line, b"Z")
            line.sendall(_message(b"Q", question.encode() + b"\0"))
            row = _read_until(line, b"D")
            line.sendall(_message(b"X", b""))
    except OSError as error:
        raise SilenceError(is_starting=False) from error
    return _columns(row)


def _startup() -> bytes:
    fields = f"user\0{SUPERUSER}\0database\0postgres\0\0".encode()
    return _message(b"", struct.pack("!i", _PROTOCOL) + fields)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _read_until(line: socket.socket, wanted: bytes) -> bytes:
    while True:
        kind, length = struct.unpack("!ci", _read(line, 5))
        body = _read(line, length - 4)
        if kind == wanted:
            return body
        if kind == b"E":
            raise SilenceError(is_starting=f"\0C{_STARTING_UP}\0".encode() in body)


def _read(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = line.recv(count - len(data))
        if not piece:
            raise SilenceError(is_starting=False)
        data += piece
    return data


def _columns(row: bytes) -> list[str]:
    columns = []
    at = 2
    for _ in range(struct.unpack_from("!h", row)[0]):
        length = max(struct.unpack_from("!i", row, at)[0], 0)
        at += 4
        columns.append(row[at : at + length].decode())
        at += length
    return columns
