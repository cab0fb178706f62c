"""Every way by which a document leaves, tried by whoever may not have it.

A paper to pay is tried by people without finances, of another branch or company; and every
kind once operations hide it, those that were asked for, shared or mailed before included.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest
from django.test import Client
from django.utils import timezone

from b2b_orders.api.views import documents as api_documents
from b2b_orders.common import clock, tenancy
from b2b_orders.common.visibility import VisibleQuerySet
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents import queries as document_queries
from b2b_orders.documents.models import (
    Document,
    DocumentRule,
    JobState,
    Mailing,
    Pack,
    ShareLink,
)
from b2b_orders.ingest import mail_work, packs_work
from b2b_orders.orders import queries as order_queries
from b2b_orders.orders import titles as order_titles
from b2b_orders.orders.models import Order
from b2b_orders.portal.views import documents, finance, payments, shares, taking
from erp_bridge.records import DocumentKind, NumberKind
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import make_document, make_order, make_title

SECRET_AMOUNT = "7654.32"
PDF = make_pdf()
FORMS = ("7654.32", "7.654,32", "7654,32", "7,654.32")


@pytest.fixture(autouse=True)
def source(monkeypatch, settings, tmp_path, mailoutbox) -> FakeSource:
    fake = FakeSource({"paper": PDF, "danfe": PDF})
    for module in (api_documents, documents, finance, shares, taking):
        monkeypatch.setattr(module, "ConnectionDocuments", lambda: fake)
    monkeypatch.setattr(payments, "ConnectionPayables", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    for module in (packs_work, mail_work):
        monkeypatch.setattr(module, "wake_aside", lambda _pk: None)
    return fake


@dataclass(frozen=True)
class Paper:
    """A boleto of an order that also has a DANFE."""

    order: Order
    document: Document

    @property
    def page(self) -> str:
        return f"/pedidos/{self.order.public_id}/documentos/{self.document.public_id}"


def make_paper(company, establishment, kind=DocumentKind.BOLETO, key="paper") -> Paper:
    order = make_order(
        company, [(NumberKind.ERP, "4500777")], establishment=establishment, title="4500777"
    )
    due_on = timezone.localdate() + timedelta(days=9)
    money = {"amount": Decimal(SECRET_AMOUNT)}
    document = make_document(
        order,
        kind,
        key,
        title=f"Papel R$ {FORMS[1]}",
        invoice_number="7001",
        due_on=due_on,
        title_state="open",
        **money,
    )
    make_document(order, DocumentKind.DANFE, "danfe", invoice_number="7001")
    make_title(order, "title", invoice_number="7001", due_on=due_on, **money)
    return Paper(order, document)


@pytest.fixture
def paper(cast) -> Paper:
    return make_paper(cast.alfa, cast.alfa_main)


def body_of(response) -> bytes:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"\n".join([n.encode() + archive.read(n) for n in archive.namelist()])


def opens(client: Client, paper: Paper, what: str) -> bool:
    response = client.get(f"{paper.page}{what}")
    return response.status_code == 200 and body_of(response) != b""


def via_api(client: Client, paper: Paper) -> bool:
    order, document = paper.order.public_id, paper.document.public_id
    answer = client.get(f"/api/v1/orders/{order}")
    listed = answer.status_code == 200 and str(document) in answer.content.decode()
    taken = client.get(f"/api/v1/orders/{order}/documents/{document}")
    return taken.status_code == 200 or listed


def via_lists(client: Client, paper: Paper) -> bool:
    paths = (
        f"/pedidos/{paper.order.public_id}",
        "/financeiro",
        "/financeiro/exportar?state=all",
        "/api/v1/titles?state=all",
        "/documentos",
    )
    return any(
        str(paper.document.public_id).encode() in body_of(client.get(path)) for path in paths
    )


def via_zip(client: Client, paper: Paper) -> bool:
    response = client.get(f"/pedidos/{paper.order.public_id}/documentos/zip")
    kind = {"danfe": b"DANFE"}.get(paper.document.kind, b"Boleto")
    return response.status_code == 200 and kind in body_of(response)


def via_selection(client: Client, paper: Paper) -> bool:
    titles = paper.order.titles.values_list("pk", flat=True)
    response = client.post("/financeiro/boletos", {"sel": list(titles)})
    return response.status_code == 200 and b"%PDF" in body_of(response)


def via_pack(client: Client, paper: Paper) -> bool:
    client.post("/documentos/pacotes", {"tipo": paper.document.kind})
    pack = Pack.objects.order_by("-pk").first()
    return pack is not None and build(pack) and bool(take_parts(client, pack))


def build(pack: Pack) -> bool:
    fake = FakeSource({"paper": PDF, "danfe": PDF})
    with tenancy.scope(role=tenancy.WORKER):
        packs_work.run_pack(pack_id=pack.pk, clock=clock.now, source=fake)
    pack.refresh_from_db()
    return pack.taken > 0


def take_parts(client: Client, pack: Pack) -> bytes:
    response = client.get(f"/documentos/pacotes/{pack.public_id}/1")
    return body_of(response) if response.status_code == 200 else b""


def via_share(client: Client, paper: Paper) -> bool:
    client.post(f"{paper.page}/enviar/link", {"days": "7"})
    return ShareLink.objects.filter(document=paper.document).exists()


def via_mail(client: Client, paper: Paper) -> bool:
    client.post(f"{paper.page}/enviar/email", {"address": "x@example.com", "reason": "call 4711"})
    return Mailing.objects.filter(document=paper.document).exists()


WAYS: MappingProxyType[str, Callable[[Client, Paper], bool]] = MappingProxyType(
    {
        "download": lambda client, paper: opens(client, paper, ""),
        "view": lambda client, paper: opens(client, paper, "/ver"),
        "send": lambda client, paper: opens(client, paper, "/enviar"),
        "payment": lambda client, paper: opens(client, paper, "/pagamento"),
        "api": via_api,
        "lists": via_lists,
        "zip": via_zip,
        "selection": via_selection,
        "pack": via_pack,
        "share": via_share,
        "mail": via_mail,
    }
)
OF_A_DANFE = sorted(WAYS.keys() - {"payment", "selection"})


def start(client_for, person) -> Client:
    client = client_for(person)
    client.get("/pedidos")
    return client


@pytest.mark.parametrize("way", WAYS)
def test_a_buyer_gets_a_boleto_by_every_way(cast, client_for, paper, way):
    """So that the tests below try ways that lead somewhere."""
    assert WAYS[way](start(client_for, cast.ana), paper) is True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ["viewer", "branch", "stranger", "nobody"])
def test_who_may_not_have_it_gets_a_boleto_by_none(cast, client_for, client, paper, who, way):
    person = {"viewer": cast.ana, "branch": cast.carla, "stranger": cast.beto}.get(who)
    if who == "viewer":
        Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
    browser = start(client_for, person) if person else client

    assert WAYS[way](browser, paper) is False


@pytest.mark.parametrize("way", WAYS)
def test_a_hidden_boleto_leaves_by_no_way(cast, client_for, paper, way):
    DocumentRule.objects.create(kind="boleto", effect="hide", changed_at=timezone.now())

    assert WAYS[way](start(client_for, cast.ana), paper) is False


@pytest.mark.parametrize("way", OF_A_DANFE)
@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_danfe_hidden_for_one_type_of_customer_leaves_by_no_way(cast, client_for, way, is_hidden):
    cast.alfa.customer_type = "resale" if is_hidden else "public"
    cast.alfa.save()
    DocumentRule.objects.create(
        kind="danfe", customer_type="resale", effect="hide", changed_at=timezone.now()
    )
    paper = make_paper(cast.alfa, cast.alfa_main)
    danfe = Paper(paper.order, Document.objects.get(key="danfe"))

    assert WAYS[way](start(client_for, cast.ana), danfe) is not is_hidden


def hide(cast) -> None:
    DocumentRule.objects.create(kind="boleto", effect="hide", changed_at=timezone.now())


def demote(cast) -> None:
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)


def give_away(cast) -> None:
    Document.objects.update(company=cast.beta)


def narrow(cast) -> None:
    membership = Membership.objects.get(person=cast.ana)
    membership.is_scoped = True
    membership.save()
    membership.scopes.create(establishment=cast.alfa_branch, company=cast.alfa, person=cast.ana)


@pytest.mark.parametrize("change", [hide, demote, give_away, narrow])
def test_what_was_asked_for_before_does_not_outlive_the_right(
    cast, client_for, client, paper, change, mailoutbox
):
    ana = start(client_for, cast.ana)
    page = ana.post(f"{paper.page}/enviar/link", {"days": "7"}).content.decode()
    secret = page.split("/d/")[1][:32]
    via_mail(ana, paper)
    ana.post("/documentos/pacotes", {"tipo": "boleto"})
    waiting = Pack.objects.get()
    assert via_pack(ana, paper)
    ready = Pack.objects.exclude(pk=waiting.pk).get()
    assert client.get(f"/d/{secret}/arquivo").status_code == 200

    change(cast)

    assert client.get(f"/d/{secret}").status_code == 404
    assert client.get(f"/d/{secret}/arquivo").status_code == 404
    assert take_parts(ana, ready) == b""
    assert build(waiting) is False
    before = len(mailoutbox)
    with tenancy.scope(role=tenancy.WORKER):
        state = mail_work.run_mailing(
            mailing_id=Mailing.objects.get().pk, clock=clock.now, source=FakeSource({"paper": PDF})
        )
    assert (state, Mailing.objects.get().outcome) == (JobState.FAILED, "no-longer-allowed")
    assert len(mailoutbox) == before


def test_no_amount_stands_in_what_leaves_without_the_right_to_prices(cast, client_for):
    """Neither in the name of a file nor in an index: the source writes amounts into titles."""
    teo = cast.teo.staff
    teo.can_see_finance = teo.can_see_prices = False
    teo.save()
    paper = make_paper(cast.alfa, cast.alfa_main, DocumentKind.OTHER)
    client, base = client_for(cast.teo), f"/c/{cast.alfa.public_id}"
    seen = []
    for path in (paper.page, f"{paper.page}/ver", f"{paper.page}/enviar"):
        response = client.get(f"{base}{path}")
        assert response.status_code == 200
        seen.append(f"{response.headers}{body_of(response)!r}")
    response = client.get(f"{base}/pedidos/{paper.order.public_id}/documentos/zip")
    seen.append(f"{response.headers}{body_of(response).decode(errors='replace')}")
    client.post(f"{base}/documentos/pacotes", {"tipo": "other"})
    pack = Pack.objects.get()
    assert build(pack)
    part = client.get(f"{base}/documentos/pacotes/{pack.public_id}/1")
    seen.append(body_of(part).decode(errors="replace"))

    written = "\n".join(seen)
    assert "Papel" in written
    assert [form for form in (*FORMS, "7-654-32", "7654-32") if form in written] == []


# --- with the first wall down ----------------------------------------------------------------


def all_rows(viewer, _table: str, **_options: str) -> tuple[str, dict[str, object]]:
    return "true", {"company": viewer.company_id}


@pytest.fixture
def no_filter(monkeypatch):
    monkeypatch.setattr(VisibleQuerySet, "visible_to", lambda self, viewer: self.all())
    for module in (order_queries, order_titles, document_queries):
        monkeypatch.setattr(module, "visible_sql", all_rows)


@pytest.mark.parametrize("way", sorted(WAYS.keys() - {"pack"}))
def test_behind_the_second_wall_a_stranger_gets_it_by_no_way(
    cast, client_for, paper, no_filter, way
):
    """A pack is built by a worker, which no wall holds: it is only asked for here."""
    beto = start(client_for, cast.beto)

    assert WAYS[way](beto, paper) is False
    assert beto.post("/documentos/pacotes", {"tipo": "boleto"}).status_code == 302
    assert Pack.objects.count() == 0
    assert b"7001" not in body_of(beto.get("/financeiro/calendario"))
