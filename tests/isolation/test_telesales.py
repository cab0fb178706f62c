"""Telesales look at their customers by the rights of their role, and mix them with nobody."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from b2b_orders.common import clock, tenancy
from b2b_orders.companies.models import Portfolio
from b2b_orders.documents.models import DocumentRule, Pack
from b2b_orders.documents.title_payments import title_ref
from b2b_orders.ingest import packs_work
from b2b_orders.portal.views import documents, finance, taking
from erp_bridge.records import DocumentKind, NumberKind
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import make_document, make_member, make_order, make_title

LINE = "00190000090312855700000012345179416560000378196"
OWED = ("7654.32", "7.654,32", "7654,32", "7,654.32")
SUM = ("4321.09", "4.321,09", "4321,09", "4,321.09")


@pytest.fixture(autouse=True)
def source(monkeypatch, settings, tmp_path) -> FakeSource:
    fake = FakeSource({"paper": make_pdf(), "danfe": make_pdf()})
    for module in (documents, finance, taking):
        monkeypatch.setattr(module, "ConnectionDocuments", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    monkeypatch.setattr(packs_work, "wake_aside", lambda _pk: None)
    return fake


@pytest.fixture
def order(cast):
    due_on = timezone.localdate() - timedelta(days=2)
    money = {"amount": Decimal("7654.32"), "due_on": due_on}
    numbers = [(NumberKind.ERP, "4500777"), (NumberKind.BOLETO_LINE, LINE)]
    order = make_order(
        cast.alfa,
        numbers,
        fulfilment="shipped",
        placed_at=timezone.now(),
        payment="awaiting",
        total=Decimal("4321.09"),
        facts={"amounts": {"items": "4321.09"}},
    )
    make_document(order, DocumentKind.BOLETO, "paper", title="Boleto R$ 7.654,32", **money)
    make_document(order, DocumentKind.DANFE, "danfe", title="DANFE R$ 4.321,09")
    make_title(order, "title", typeable_line=LINE, pix="00020126-pix", **money)
    return order


def allow(cast, *, prices: bool, finance: bool) -> None:
    staff = cast.teo.staff
    staff.can_see_prices, staff.can_see_finance = prices, finance
    staff.save()


def ways_out(client, company, order, *, packs: bool = False) -> Iterator[tuple[str, str]]:
    """Take everything that there is of an order: each way with all that it hands out."""
    base, query = f"/c/{company.public_id}", f"company={company.public_id}"
    page = f"{base}/pedidos/{order.public_id}"
    papers = [f"{page}/documentos/{each.public_id}" for each in order.records.get().documents.all()]
    titles = [("sel", str(each.pk)) for each in order.titles.all()]
    paths = [
        "/televendas",
        "/televendas?q=4500777",
        "/televendas/clientes",
        "/televendas/clientes/exportar",
        f"/televendas/clientes/{company.public_id}",
        f"{base}/pedidos",
        f"{base}/pedidos?q=4500777&listar=1",
        page,
        f"{page}?print=1",
        *(f"{page}/{part}" for part in ("itens", "documentos", "historico")),
        f"{page}/fontes",
        f"{page}/lado-a-lado",
        f"{page}/pagamento?titulo={title_ref('title')}",
        f"{page}/documentos/zip",
        f"{base}/documentos",
        f"{base}/financeiro?state=all",
        f"{base}/financeiro/exportar?state=all",
        f"{base}/financeiro/calendario",
        f"/api/v1/orders?{query}",
        f"/api/v1/orders?number=4500777&{query}",
        f"/api/v1/orders/{order.public_id}?{query}",
        f"/api/v1/titles?state=all&{query}",
        *papers,
        *(f"{paper}/{what}" for paper in papers for what in ("ver", "enviar", "pagamento")),
    ]
    for path in paths:
        yield path, body_of(client.get(path))
    yield "boletos", body_of(client.post(f"{base}/financeiro/boletos", dict(titles)))
    if packs:
        client.post(f"{base}/documentos/pacotes", {})
    for pack in Pack.objects.all():
        with tenancy.scope(role=tenancy.WORKER):
            fake = FakeSource({"paper": make_pdf(), "danfe": make_pdf()})
            packs_work.run_pack(pack_id=pack.pk, clock=clock.now, source=fake)
        yield "pack", body_of(client.get(f"{base}/documentos/pacotes/{pack.public_id}/1"))


def body_of(response) -> str:
    """Read what is handed out, but of pages that do not exist the address that was asked for."""
    if response.status_code >= 400:
        return ""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    head = response.headers.get("Content-Disposition", "").encode()
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            parts = [name.encode() + archive.read(name) for name in archive.namelist()]
        body = b"\n".join(parts)
    return (head + body).decode(errors="replace").replace("\xa0", " ")


def telling(client, company, order, secrets, *, packs: bool = False) -> set[str]:
    """Say by which ways out any of some secrets leaves."""
    found = ways_out(client, company, order, packs=packs)
    return {way for way, body in found if any(secret in body for secret in secrets)}


def test_without_finance_and_prices_no_way_out_holds_a_boleto_or_an_amount(cast, client_for, order):
    allow(cast, prices=False, finance=False)
    teo = client_for(cast.teo)

    ways = dict(ways_out(teo, cast.alfa, order, packs=True))

    for secret in (*OWED, *SUM, LINE, "00020126-pix", "Boleto"):
        assert [way for way, body in ways.items() if secret in body] == []
    assert "DANFE" in ways["pack"]


def test_with_both_rights_the_same_ways_lead_somewhere(cast, client_for, order):
    """So that the test above looks where there is something to see."""
    allow(cast, prices=True, finance=True)
    ways = telling(client_for(cast.teo), cast.alfa, order, (*OWED, *SUM))
    base = f"/c/{cast.alfa.public_id}"

    assert len(ways) >= 12
    for way in ("/televendas/clientes/exportar", f"{base}/financeiro?state=all"):
        assert way in ways
    assert f"/televendas/clientes/{cast.alfa.public_id}" in ways


def test_finance_alone_shows_what_is_due_and_no_price(cast, client_for, order):
    allow(cast, prices=False, finance=True)
    teo, base = client_for(cast.teo), f"/c/{cast.alfa.public_id}"
    query = f"company={cast.alfa.public_id}"

    ways = telling(teo, cast.alfa, order, OWED)

    assert {
        f"{base}/financeiro?state=all",
        f"{base}/financeiro/exportar?state=all",
        f"{base}/financeiro/calendario",
        f"{base}/pedidos/{order.public_id}",
        f"/api/v1/titles?state=all&{query}",
        f"/api/v1/orders/{order.public_id}?{query}",
        f"/televendas/clientes/{cast.alfa.public_id}",
    } <= ways
    assert telling(teo, cast.alfa, order, SUM) == set()


def test_prices_alone_show_what_was_ordered_and_nothing_due(cast, client_for, order):
    allow(cast, prices=True, finance=False)
    teo = client_for(cast.teo)

    assert telling(teo, cast.alfa, order, (*OWED, LINE)) == set()
    assert "/televendas/clientes/exportar" in telling(teo, cast.alfa, order, SUM)


def test_where_boletos_are_hidden_no_line_or_code_of_a_title_leaves(cast, client_for, order):
    allow(cast, prices=True, finance=True)
    teo = client_for(cast.teo)
    secrets = (LINE, "00020126-pix", title_ref("title"))
    order.records.get().documents.filter(kind="boleto").delete()
    assert telling(teo, cast.alfa, order, secrets) != set()

    DocumentRule.objects.create(kind="boleto", effect="hide", changed_at=timezone.now())

    assert telling(teo, cast.alfa, order, secrets) == set()
    # The amount is owed all the same.
    assert telling(teo, cast.alfa, order, OWED) != set()


def test_a_rule_for_other_customers_hides_no_line(cast, client_for, order):
    allow(cast, prices=True, finance=True)
    DocumentRule.objects.create(
        kind="boleto", effect="hide", customer_type="resale", changed_at=timezone.now()
    )

    assert telling(client_for(cast.teo), cast.alfa, order, (LINE,)) != set()


def test_telesales_cannot_act_for_a_company(cast, client_for, order):
    teo = client_for(cast.teo)
    query = {"q": "4500777", "order": str(order.public_id), "reason": "call 4711"}

    found = teo.get("/televendas", {"q": "4500777"}).content.decode()

    assert str(order.public_id) in found
    # The questions of their customers are theirs to answer; search and acting are support's.
    assert 'href="/atendimento"' not in found
    assert "/atendimento/atuar" not in found
    assert teo.get("/atendimento").status_code == 404
    assert teo.get("/atendimento/atuar", query).status_code == 404
    assert teo.post("/atendimento/atuar", query).status_code == 404
    assert teo.get(f"/c/{cast.beta.public_id}/pedidos").status_code == 404


def test_nothing_of_the_sellers_person_is_shown_as_the_customers(cast, client_for, order):
    """Téo also buys for Beta: neither company's pages hold anything of the other, or of him."""
    allow(cast, prices=True, finance=True)
    make_member(cast.teo, cast.beta)
    own = make_order(cast.beta, [(NumberKind.ERP, "8800001")], title="8800001")
    make_title(own, "own", amount=Decimal("1234.56"), due_on=timezone.localdate())
    teo, ana = client_for(cast.teo), client_for(cast.ana)
    teo.get("/pedidos")

    for way, body in ways_out(teo, cast.alfa, order, packs=True):
        if way.startswith(("/c/", "/api/", f"/televendas/clientes/{cast.alfa.public_id}")):
            assert "8800001" not in body, way
            assert "1.234,56" not in body, way
    assert "4500777" not in body_of(teo.get("/pedidos"))
    assert "7.654,32" not in body_of(teo.get("/financeiro?state=all"))
    assert "1.234,56" in body_of(teo.get("/financeiro?state=all"))
    # What he looked at and packed is not the customer's doing, nor theirs to find.
    assert not hasattr(order, "first_seen")
    mine = Pack.objects.filter(person=cast.teo, company=cast.alfa)
    assert mine.exists()
    for pack in mine:
        assert str(pack.public_id) not in body_of(ana.get("/documentos"))
        assert ana.get(f"/documentos/pacotes/{pack.public_id}/1").status_code == 404
        assert str(pack.public_id) not in body_of(teo.get("/documentos"))


def test_a_customer_who_was_reassigned_is_gone_by_every_way(cast, client_for, order):
    allow(cast, prices=True, finance=True)
    teo = client_for(cast.teo)
    assert telling(teo, cast.alfa, order, ("4500777",)) != set()

    Portfolio.objects.all().delete()

    asked_for = {"/televendas?q=4500777"}  # what was typed comes back in its field
    assert telling(teo, cast.alfa, order, ("4500777",)) <= asked_for
