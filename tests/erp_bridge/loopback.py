"""A server on loopback that answers raw bytes, so that a test can misbehave in any way."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from erp_bridge.http import Policy

POLICY = Policy(private_hosts=frozenset({"127.0.0.1", "localhost"}), allow_plain_http=True)


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


Script = Callable[[Asked, socket.socket], None]


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, and its key, in one file."""

    file: Path


def make_certificate(folder: Path, name: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(signed.public_bytes(pem) + private)
    return Certificate(file)


@dataclass
class Loopback:
    """What was asked of the server; `script` writes each answer."""

    script: Script
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    name: str = "127.0.0.1"
    server_names: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError), connection.makefile("rb") as reader:
            while line := reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (raw := reader.readline().strip()) != b"":
                    name, _, value = raw.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", "0")))
                asked = Asked(method, target, headers, body)
                self.asked.append(asked)
                self.script(asked, connection)


@contextmanager
def loopback(script: Script, *, tls: Certificate | None = None) -> Iterator[Loopback]:
    """Run a server for the length of a test."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Loopback(script, listener.getsockname()[1])
    open_ones: list[socket.socket] = []
    secure = _secure(tls, server) if tls else None

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections += 1
                open_ones.append(connection)
                if secure:
                    try:
                        connection = secure.wrap_socket(connection, server_side=True)
                    except OSError:  # the client refuses our certificate
                        continue
                    open_ones.append(connection)
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        thread.join(2)


def _secure(tls: Certificate, server: Loopback) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.file)
    context.sni_callback = lambda _socket, name, _context: server.server_names.append(name)
    return context


def answer(
    body: bytes | object = b"{}",
    status: int = 200,
    *,
    length: int | None = None,
    **headers: str,
) -> Script:
    """Answer the same to everything."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent["Content-Length"] = str(len(content) if length is None else length)
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{n}: {v}\r\n" for n, v in sent.items())

    def script(_asked: Asked, connection: socket.socket) -> None:
        connection.sendall(head.encode() + b"\r\n" + content)
        if length is not None and length > len(content):
            connection.shutdown(socket.SHUT_WR)

    return script


def drip(data: bytes, seconds: float) -> Script:
    """Send one byte after the other."""

    def script(_asked: Asked, connection: socket.socket) -> None:
        for index in range(len(data)):
            connection.sendall(data[index : index + 1])
            time.sleep(seconds)

    return script


def routes(**scripts: Script) -> Script:
    """Answer by the last part of the path."""

    def script(asked: Asked, connection: socket.socket) -> None:
        name = asked.path.rpartition("/")[2]
        scripts.get(name, answer(status=404))(asked, connection)

    return script
