"""What a hostile or broken source can do to whoever downloads: over real sockets, to the end.

The ERP is a server on loopback that says anything; between it and the download stands all
that production has.
"""

from __future__ import annotations

import gzip
import json
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.core.files.storage import storages
from django.db import connection

from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.documents.models import Document, State, StoredFile
from b2b_orders.documents.services import DocumentUnavailable, Download, open_download
from b2b_orders.ingest import sources
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.ingest.models import Connection
from erp_bridge import addresses
from erp_bridge.records import DocumentKind
from erp_bridge.runner import GuardPolicy
from erp_bridge.simulators.erp import TOKEN
from tests.b2b_orders.documents.conftest import as_web, dsn
from tests.b2b_orders.documents.files import HTML, make_nfe, make_pdf, make_zip
from tests.b2b_orders.ingest.conftest import connect_erp
from tests.erp_bridge.loopback import Asked, Loopback, Script, answer, drip, loopback
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db

PDF = make_pdf()
SECRET_PART = "c4n4ry-0f-a-link"
KINDS = {DocumentKind.NFE_XML: 2, DocumentKind.DANFE: 3, DocumentKind.SERIALS: 4}


class Erp:
    """An ERP with one order and one file of it."""

    def __init__(self, cast) -> None:
        self.link = f"/f/{SECRET_PART}"
        self.title = "Arquivo 1001"
        self.script: Script = answer(PDF, Content_Type="application/pdf")
        self.kind = DocumentKind.DANFE
        self.order = make_order(cast.alfa, establishment=cast.alfa_main)
        self.server: Loopback | None = None
        self.document: Document | None = None

    def __call__(self, asked: Asked, client: socket.socket) -> None:
        if not asked.path.startswith("/api/"):
            self.script(asked, client)
            return
        url = self.link if ":" in self.link or self.link[:2] == "//" else self.url(self.link)
        listed = [{"tipoArquivo": KINDS[self.kind], "descricao": self.title, "url": url}]
        answer(json.dumps(listed).encode())(asked, client)

    def url(self, path: str) -> str:
        assert self.server is not None
        return self.server.url + path

    def files_asked(self) -> int:
        assert self.server is not None
        return sum(not asked.path.startswith("/api/") for asked in self.server.asked)


@pytest.fixture
def erp(cast, monkeypatch):
    monkeypatch.setattr(sources, "GUARD", GuardPolicy(first_wait_seconds=0.001))
    made = Erp(cast)
    with loopback(made) as server:
        made.server = server
        connect_erp(server.url)
        yield made


def list_file(erp: Erp) -> Document:
    """Make the row of the file that the ERP lists."""
    slug = "-".join(erp.title.lower().split())
    return make_document(erp.order, erp.kind, f"{erp.kind}:{slug}", title=erp.title)


def open_listed(erp: Erp, viewer, actor) -> Download:
    """Download the file that the ERP lists, as a page does."""
    assert erp.document is not None
    return open_download(
        viewer=viewer,
        actor=actor,
        public_id=erp.document.public_id,
        source=ConnectionDocuments(),
        now=NOW,
    )


@pytest.fixture
def take(erp, bruno, actor) -> Callable[[], Download]:
    def run() -> Download:
        erp.document = list_file(erp)
        with as_web(bruno):
            return open_listed(erp, bruno, actor)

    return run


@pytest.fixture
def attacked(erp, bruno, actor, caplog) -> Callable[[], DocumentUnavailable]:
    """Download in vain, and see that nothing of it is kept, and no secret anywhere."""

    def run() -> DocumentUnavailable:
        caplog.set_level(logging.DEBUG)
        found: list[DocumentUnavailable] = []
        erp.document = list_file(erp)
        with as_web(bruno):
            # Handled inside the scope, as a view does it.
            try:
                open_listed(erp, bruno, actor)
            except DocumentUnavailable as error:
                found.append(error)
        assert found, "it was handed out"
        erp.document.refresh_from_db()
        assert (erp.document.file_id, StoredFile.objects.count()) == (None, 0)
        kept = Path(storages["documents"].path(""))
        assert [path for path in kept.rglob("*") if path.is_file()] == []
        line = AuditEvent.objects.get()
        assert (line.action, line.detail["problem"]) == ("document_refused", found[0].reason)
        said = [str(found[0]), str(line.detail), caplog.text]
        said += [str(incident.detail) for incident in Incident.objects.all()]
        for words in said:
            assert TOKEN not in words
            assert SECRET_PART not in words
        return found[0]

    return run


def incidents() -> list[str]:
    return list(Incident.objects.order_by("pk").values_list("code", flat=True))


def test_what_is_right_is_handed_out(erp, take):
    download = take()

    with download.open() as file:
        assert file.read() == PDF
    assert incidents() == []


# --- where links lead -----------------------------------------------------------------------

INSIDE = [
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[::ffff:a00:1]/x",
    "http://[fd12:3456::1]/x",
    "http://10.0.0.1/x",
    "http://192.168.0.1/x",
    "http://100.64.0.1/x",
    "http://2130706433/x",
    "http://0x7f000001/x",
    "http://0x7f.1/x",
    "http://0177.0.0.1/x",
    "http://127.1/x",
    "http://0.0.0.0/x",
    "http://localhost:1/x",
    "http://127.0.0.1:22/x",
    "//169.254.169.254/x",
    "https://metadata.google.internal/x",
]
STRANGE = [
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1/x",
    "data:application/pdf;base64,JVBERi0=",
    "javascript:alert(1)",
    "http://user:password@127.0.0.1/x",
]


@pytest.mark.parametrize("link", INSIDE + STRANGE)
def test_a_link_that_leads_inside_or_nowhere_known_is_refused(erp, attacked, link):
    erp.link = link

    error = attacked()

    assert (error.reason, error.state) == ("refused", State.FAILED)
    assert incidents() == ["document-refused"]
    assert erp.files_asked() == 0
    assert not any(link in str(incident.detail) for incident in Incident.objects.all())


@pytest.mark.parametrize("link", [*INSIDE[::3], *STRANGE[:3]])
def test_a_redirect_that_leads_there_is_not_followed(erp, attacked, link):
    erp.script = answer(b"", 302, Location=link)

    error = attacked()

    assert (error.reason, error.state) == ("refused", State.FAILED)
    assert (incidents(), erp.files_asked()) == (["document-refused"], 1)


@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [["93.184.215.14", "10.0.0.1"]],
        [["169.254.169.254"]],
        [["::ffff:10.0.0.1"]],
        [["::1"]],
    ],
)
def test_an_allowed_name_that_leads_inside_is_refused(erp, attacked, monkeypatch, answers):
    row = Connection.objects.get()
    row.settings = row.settings | {"document_hosts": ["files.example"]}
    row.save()
    real = addresses._look_up
    monkeypatch.setattr(
        addresses,
        "_look_up",
        lambda host, *rest: answers[0] if host == "files.example" else real(host, *rest),
    )
    erp.link = "http://files.example/x"

    assert attacked().reason == "refused"
    assert incidents() == ["document-refused"]


def test_a_name_that_changes_its_answer_is_reached_where_it_was_checked(
    erp, take, monkeypatch, settings
):
    settings.PORTAL_PRIVATE_HOSTS = [*settings.PORTAL_PRIVATE_HOSTS, "files.example"]
    row = Connection.objects.get()
    row.settings = row.settings | {"document_hosts": [f"files.example:{erp.server.port}"]}
    row.save()
    real, looked_up = addresses._look_up, []

    def look_up(host: str, *rest: object) -> list[str]:
        if host != "files.example":
            return real(host, *rest)
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["169.254.169.254"]

    monkeypatch.setattr(addresses, "_look_up", look_up)
    erp.link = f"http://files.example:{erp.server.port}/f"

    assert take().size == len(PDF)
    assert looked_up == ["files.example"]


# --- bodies that do not end, or not in time ---------------------------------------------------


@pytest.mark.parametrize("announced", ["", "Content-Length: 1000000000\r\n"])
def test_an_endless_body_stops_at_the_limit(erp, attacked, settings, announced):
    settings.PORTAL_DOCUMENT_MAX_BYTES = 300_000
    sent: list[int] = []

    def endless(_asked: Asked, client: socket.socket) -> None:
        client.sendall(f"HTTP/1.1 200 OK\r\n{announced}Connection: close\r\n\r\n".encode())
        for _ in range(1000):
            client.sendall(b"%PDF" * 250_000)
            sent.append(1_000_000)

    erp.script = endless

    assert attacked().reason == "refused"
    assert sum(sent) < 20_000_000
    assert incidents() == ["document-refused"]


def test_a_compressed_bomb_stops_at_the_limit(erp, attacked, settings):
    settings.PORTAL_DOCUMENT_MAX_BYTES = 1_000_000
    bomb = gzip.compress(bytes(60_000_000))
    erp.script = answer(bomb, Content_Encoding="gzip", Content_Type="application/pdf")

    assert attacked().reason == "refused"
    assert incidents() == ["document-refused"]


def test_one_byte_a_second_does_not_outlast_the_deadline(erp, attacked, settings):
    settings.PORTAL_DOCUMENT_SECONDS = 1.5
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: 60\r\n\r\n"

    def slow(asked: Asked, client: socket.socket) -> None:
        client.sendall(head)
        drip(b"%PDF-1.4" + bytes(52), 1.0)(asked, client)

    erp.script = slow
    began = time.monotonic()

    error = attacked()

    assert time.monotonic() - began < 3
    assert (error.reason, error.state) == ("unreachable", State.AVAILABLE)
    # That a source is slow is on its own page; it says nothing of this file.
    assert incidents() == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_source_trickles(erp, take):
    states: list[tuple[str, ...]] = []

    def looking(asked: Asked, client: socket.socket) -> None:
        with psycopg.connect(dsn()) as other:
            states.extend(
                other.execute(
                    "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND state LIKE '%transaction%'"
                ).fetchall()
            )
        answer(PDF)(asked, client)

    erp.script = looking

    assert take().size == len(PDF)
    assert erp.files_asked() == 1
    assert states == []
    connection.close()


# --- what is not the document -----------------------------------------------------------------

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">'
    b'<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;">]><nfeProc>&e;&e;&e;&e;&e;&e;&e;&e;</nfeProc>'
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<nfeProc>&a;</nfeProc>"
)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (DocumentKind.DANFE, HTML, "html-instead-of-pdf"),
        (DocumentKind.DANFE, b'{"error": "login"}', "json-instead-of-pdf"),
        (DocumentKind.DANFE, b"", "empty"),
        (DocumentKind.DANFE, PDF[: len(PDF) // 2], "damaged-pdf"),
        (DocumentKind.DANFE, b"MZ\x90\x00" + bytes(200), "wrong-kind"),
        (DocumentKind.NFE_XML, HTML, "html-instead-of-xml"),
        (DocumentKind.NFE_XML, LAUGHS, "unsafe-xml"),
        (DocumentKind.NFE_XML, OUTSIDE, "unsafe-xml"),
        (DocumentKind.NFE_XML, make_nfe()[:-30], "malformed-xml"),
        (DocumentKind.NFE_XML, b"<a>" * 100_000, "malformed-xml"),
        (
            DocumentKind.NFE_XML,
            make_nfe(recipient="99902002000133"),
            "document-of-another-company",
        ),
    ],
)
def test_what_is_not_the_document_is_refused_whatever_type_it_is_said_to_be(
    erp, attacked, kind, body, reason
):
    erp.kind = kind
    is_pdf = kind is DocumentKind.DANFE
    erp.script = answer(body, Content_Type="application/pdf" if is_pdf else "application/xml")

    error = attacked()

    assert (error.reason, error.is_damaged, incidents()) == (reason, True, [reason])


def test_a_file_that_breaks_off_is_a_source_in_trouble(erp, attacked):
    erp.script = answer(PDF, length=len(PDF) + 10)

    assert (attacked().reason, incidents()) == ("unreachable", [])


def test_a_file_cut_by_its_own_length_is_damaged(erp, attacked):
    erp.script = answer(PDF, length=len(PDF) - 40)

    assert (attacked().reason, incidents()) == ("damaged-pdf", ["damaged-pdf"])


@pytest.mark.parametrize(
    ("kind", "body", "claimed", "content_type", "name"),
    [
        (DocumentKind.DANFE, PDF, "text/html", "application/pdf", "DANFE-Arquivo-1001.pdf"),
        (DocumentKind.NFE_XML, make_nfe(), "text/html", "application/xml", None),
        (
            DocumentKind.SERIALS,
            b"a;b\n<script>;1\n",
            "text/html",
            "text/plain",
            "Numeros-de-serie-Arquivo-1001.csv",
        ),
        (
            DocumentKind.SERIALS,
            make_zip("../../../etc/cron.d/x", "C:\\x.exe", "a\r\nb", "/abs"),
            "application/pdf",
            "application/zip",
            "Numeros-de-serie-Arquivo-1001.zip",
        ),
    ],
)
def test_what_a_file_is_served_as_is_what_it_is(erp, take, kind, body, claimed, content_type, name):
    erp.kind = kind
    erp.script = answer(body, Content_Type=claimed)

    download = take()

    assert download.content_type == content_type
    # A ZIP is handed out as it came: nothing of it is ever unpacked here.
    with download.open() as file:
        assert file.read() == body
    if name:
        assert download.filename == name


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd\r\nSet-Cookie: a=b",
        'a"; filename="evil.exe',
        "<script>alert(1)</script>",
        "x\x00.exe\u202egpj.exe",
        "..\\..\\windows\\system32",
    ],
)
def test_a_hostile_name_becomes_a_harmless_one(cast, bruno, actor, source, title):
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    document = make_document(order, DocumentKind.OTHER, "x", title=title.replace("\x00", ""))
    source.files["x"] = PDF

    with as_web(bruno):
        name = open_download(
            viewer=bruno, actor=actor, public_id=document.public_id, source=source, now=NOW
        ).filename

    assert name.endswith(".pdf")
    assert name.count(".") == 1
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
