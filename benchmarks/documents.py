"""First byte, rate and memory of documents: held ones against a bare FileResponse, and fetched.

Each file is asked for over one keep-alive connection from a server of its own with one
process, so that the peak of its resident memory is the file's. The fetched one comes from an
ERP on loopback, and is checked whole before its first byte leaves.

    python -m benchmarks.documents --largest 1000 --fetched 300
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from b2b_orders.embedded.postgres import PostgresServer
from b2b_orders.embedded.valkey import ValkeyServer
from benchmarks.hook import manage
from benchmarks.search_by_number import EMAIL, PASSWORD, Client, environment, gunicorn

MEGABYTE = 1_000_000
PREPARE = """
import json
from datetime import UTC, datetime
from b2b_orders.accounts.models import Person
from b2b_orders.common import secrets
from b2b_orders.companies.models import Company, CustomerId, Establishment, Membership
from b2b_orders.documents.models import Document, StoredFile
from b2b_orders.ingest.models import Connection
from b2b_orders.orders.models import Order, SourceRecord
now = datetime(2026, 3, 10, 12, tzinfo=UTC)
company = Company.objects.create(name="Bench")
place = Establishment.objects.create(company=company, tax_id="12345678000195")
CustomerId.objects.create(company=company, connection="erp", value="55")
person = Person.objects.create_user(%(email)r, %(password)r, name="Bench")
Membership.objects.create(person=person, company=company, role="buyer")
Connection.objects.create(name="erp", kind="b2b_orders_v1", label="ERP",
    secret=secrets.encrypt("token"), settings={"endpoint": %(erp)r}, created_at=now, changed_at=now)
order = Order.objects.create(company=company, establishment=place, origins="erp", title="1",
    fulfilment="invoiced", status_raw="", status_system="erp", sorted_at=now,
    draft_hash="0" * 64, created_at=now, changed_at=now)
record = SourceRecord.objects.create(connection="erp", system="erp", external_id="1",
    company=company, order=order, detail="full", facts={}, content_hash="0" * 64, payload=b"",
    first_seen_at=now, read_at=now, changed_at=now)
def document(key, **values):
    made = Document.objects.create(company=company, record=record, key=key, kind="serials",
        title=key, state="available", state_since=now, listed_at=now, **values)
    print(f"/pedidos/{order.public_id}/documentos/{made.public_id}")
for name, sha256, size in json.loads(%(files)r):
    stored = StoredFile.objects.create(sha256=sha256, size=size, content_type="text/plain",
        stored_at=now)
    document(name, file=stored, fetched_at=now)
document("serials:arquivo")
"""


@dataclass(slots=True)
class Measured:
    """What one way of getting one file took, over some rounds."""

    name: str
    size: int
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    resting: int = 0
    peak: int = 0


def make_file(folder: Path, size: int) -> tuple[str, str, int]:
    """Write a text of a size into the store, under its hash."""
    line = (b"0123456789;" * 90 + b"\n") * 1000
    digest = hashlib.sha256()
    partial = folder / "partial"
    left = size
    with partial.open("wb") as file:
        while left > 0:
            piece = line[:left]
            digest.update(piece)
            left -= file.write(piece)
    sha256 = digest.hexdigest()
    (folder / sha256[:2]).mkdir(exist_ok=True)
    partial.replace(folder / sha256[:2] / sha256)
    return f"{size}", sha256, size


@contextmanager
def erp(size: int) -> Iterator[str]:
    """Run an ERP that lists one large file."""
    piece = (b"0123456789;" * 90 + b"\n") * 100

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/file"):
                listed = [{"tipoArquivo": 4, "descricao": "Arquivo", "url": f"{url}/file"}]
                body = json.dumps(listed).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            for at in range(0, size, len(piece)):
                self.wfile.write(piece[: size - at])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url
    finally:
        server.shutdown()


def processes_at(port: int) -> list[Path]:
    """Find the processes of the server of a port."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"127.0.0.1:{port}".encode() in (folder / "cmdline").read_bytes():
                found.append(folder)
        except OSError:
            continue
    return found


def memory_of(port: int, name: str) -> int:
    """Read the largest resident memory of a server's processes: VmRSS, or VmHWM for the peak."""
    sizes = [0]
    for folder in processes_at(port):
        lines = (folder / "status").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines)
        sizes.append(int(values[name].split()[0]))
    return max(sizes)


def forget_peak(port: int) -> None:
    """Let peaks count from now: hashing the password at log-in takes 100 MB."""
    for folder in processes_at(port):
        (folder / "clear_refs").write_text("5")


def take(port: int, path: str, cookies: dict[str, str], to: Measured) -> None:
    """Get a file and note how long its first byte and all of it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.connect()
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    began = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": cookie})
    response = connection.getresponse()
    got = len(response.read(1))
    first = time.perf_counter() - began
    while piece := response.read(MEGABYTE):
        got += len(piece)
    to.first.append(first * 1000)
    to.whole.append((time.perf_counter() - began) * 1000)
    connection.close()
    assert (response.status, got) == (200, to.size), f"{path}: {response.status}, {got} bytes"


def measure(
    application: str, env: dict[str, str], wanted: list[tuple[Measured, str]], rounds: int
) -> None:
    """Ask one server, fresh for each file, for it some rounds; the first warms up."""
    for to, path in wanted:
        with gunicorn(application, env) as port:
            cookies: dict[str, str] = {}
            if application == "b2b_orders.wsgi":
                client = Client(port)
                client.log_in()
                cookies = client.cookies
            warm = Measured("warm up", wanted[0][0].size)
            if len(wanted) > 1:
                take(port, wanted[0][1], cookies, warm)
            forget_peak(port)
            to.resting = memory_of(port, "VmRSS")
            for _ in range(rounds if to.size < 100 * MEGABYTE else min(rounds, 3)):
                take(port, path, cookies, to)
            to.peak = memory_of(port, "VmHWM")


def report(pairs: list[tuple[Measured, Measured]]) -> None:
    """Print the table, each file's floor first."""
    print("| file | | first byte ms | ratio | whole ms | ratio | memory before, peak MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for floor, product in pairs:
        for each in (floor, product):
            first, whole = statistics.median(each.first), statistics.median(each.whole)
            to_first = first / statistics.median(floor.first)
            to_whole = whole / statistics.median(floor.whole)
            print(
                f"| {each.size:,} | {each.name} | {first:.1f} | {to_first:.2f} | {whole:.1f}"
                f" | {to_whole:.2f} | {each.resting / 1000:.0f}, {each.peak / 1000:.0f} |"
            )


def main() -> None:
    """Prepare, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--largest", type=int, default=1000, help="megabytes of the largest file")
    parser.add_argument("--fetched", type=int, default=300, help="megabytes of the fetched file")
    parser.add_argument("--rounds", type=int, default=30, help="how often each is asked for")
    options = parser.parse_args()
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = state / "documents"
        kept.mkdir()
        postgres = PostgresServer(state / "pg")
        valkey = ValkeyServer(state / "valkey", is_kept=False)
        for server in (postgres, valkey):
            server.start()
            stack.callback(server.stop)
        url = stack.enter_context(erp(options.fetched * MEGABYTE))
        sizes = (1000, 10 * MEGABYTE, options.largest * MEGABYTE)
        files = [make_file(kept, size) for size in sizes]
        own = {
            "PORTAL_DOCUMENTS_DIR": str(kept),
            "PORTAL_DOCUMENT_MAX_BYTES": str(10_000 * MEGABYTE),
            "PORTAL_DOCUMENT_SECONDS": "300",
            "PORTAL_PRIVATE_HOSTS": "127.0.0.1",
            "PORTAL_ALLOW_PLAIN_HTTP": "true",
        }
        base = environment(postgres, valkey, "b2b_owner") | own
        manage(base, "migrate", "--verbosity", "0")
        manage(base, "collectstatic", "--noinput", "--verbosity", "0")
        told = {"email": EMAIL, "password": PASSWORD, "erp": url, "files": json.dumps(files)}
        paths = manage(base, "shell", "--no-imports", "-c", PREPARE % told)
        floors = [Measured("bare FileResponse", size) for size in sizes]
        held = [Measured("held document", size) for size in sizes]
        bare = base | {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings"}
        names = [f"/held?name={sha256[:2]}/{sha256}" for _, sha256, _ in files]
        web = base | {"PORTAL_DATABASE_URL": postgres.url("b2b_web")}
        measure("benchmarks.bare", bare, list(zip(floors, names, strict=True)), options.rounds)
        measure("b2b_orders.wsgi", web, list(zip(held, paths, strict=False)), options.rounds)
        fetched = Measured("fetched document", options.fetched * MEGABYTE)
        measure("b2b_orders.wsgi", web, [(fetched, paths[-1])], 1)
    report(list(zip(floors, held, strict=True)))
    print(
        f"\nFetched, {options.fetched} MB: first byte after {fetched.first[0]:.0f} ms, whole after"
        f" {fetched.whole[0]:.0f} ms; memory {fetched.resting / 1000:.0f} MB before,"
        f" {fetched.peak / 1000:.0f} MB at its peak."
    )


if __name__ == "__main__":
    main()
