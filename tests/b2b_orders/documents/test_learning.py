"""What checked files teach the orders they belong to."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import F

from b2b_orders.companies.models import Role
from b2b_orders.documents.fetching import HANDED_OUT
from b2b_orders.documents.learning import learn_waiting, lessons_of, tracking_of
from b2b_orders.documents.models import Document
from b2b_orders.documents.rendering import USABLE
from b2b_orders.documents.services import DocumentUnavailable, open_download
from b2b_orders.ingest.storing import store
from b2b_orders.orders.models import Event, Invoice, Order, OrderNumber, Supplement, Title
from erp_bridge.records import (
    DocumentKind,
    DocumentRecord,
    EventRecord,
    InvoiceRecord,
    OrderRecord,
    System,
    TitleRecord,
)
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.files import EMITTER, make_key
from tests.factories import NOW, make_erp_record, make_reading
from tests.fiscal.nfe import build_nfe

KEY = make_key()
LATER = NOW + timedelta(minutes=5)
NFE = {
    "root": "nfeProc",
    "access_key": KEY,
    "number": 1001,
    "series": 1,
    "issued_at": "2026-03-09T23:30:00-03:00",
    "environment": "production",
    "purpose": "1",
    "total": "11345.88",
    "installments": [{"number": "001", "due_date": "2026-04-09", "amount": "3781.96"}],
    "customer_pos": ["4500012345", "PO-2026-0071"],
    "carrier": "TRANSPORTADORA EXEMPLO LTDA",
    "extra_info": "Pedido PO-2026-0071. Rastreio: TE000000001BR. Boleto em anexo.",
    "contributor_notes": {"pedido_vtex": "v1029384exm-01"},
}
EVENT = {
    "root": "procEventoNFe",
    "event_type": "110111",
    "access_key": KEY,
    "sequence": 1,
    "event_at": "2026-03-10T15:40:00-03:00",
    "registered_at": "2026-03-10T15:40:21-03:00",
}
LETTER = EVENT | {"event_type": "110110", "sequence": 2, "correction": "Onde se  le X, leia-se Y."}


# --- reading: pure ------------------------------------------------------------------------------


def test_an_invoices_file_says_what_it_states_and_no_more():
    assert dict(lessons_of(NFE)) == {
        f"nfe:{KEY}": OrderRecord(
            System.ERP,
            "",
            invoices=(
                InvoiceRecord(
                    "1001",
                    series="1",
                    access_key=KEY,
                    emitter=EMITTER,
                    # As it is written there, in no other time zone.
                    issued_on=date(2026, 3, 9),
                    total=Decimal("11345.88"),
                    carrier="TRANSPORTADORA EXEMPLO LTDA",
                    tracking_number="TE000000001BR",
                ),
            ),
            titles=(
                TitleRecord(
                    f"nfe:{KEY}:001",
                    instalment="001",
                    invoice_number="1001",
                    due_on=date(2026, 4, 9),
                    amount=Decimal("3781.96"),
                ),
            ),
            customer_numbers=("4500012345", "PO-2026-0071"),
        )
    }


def test_what_a_file_does_not_state_stays_unknown():
    [(_key, lesson)] = lessons_of({"root": "nfeProc", "access_key": KEY, "total": None})

    assert lesson.invoices == (InvoiceRecord("1001", "1", KEY, EMITTER),)
    assert (lesson.titles, lesson.customer_numbers) == ((), ())


def test_goods_that_come_back_are_no_debt():
    [(_key, lesson)] = lessons_of(NFE | {"purpose": "4"})

    assert (lesson.invoices[0].is_return, lesson.titles, lesson.customer_numbers) == (True, (), ())


@pytest.mark.parametrize(
    "facts",
    [
        {},
        NFE | {"environment": "test"},
        NFE | {"access_key": KEY[:-1] + "0"},
        NFE | {"root": "html"},
        EVENT | {"event_at": None, "registered_at": "yesterday"},
    ],
)
def test_what_is_no_file_of_an_invoice_teaches_nothing(facts):
    assert dict(lessons_of(facts)) == {}


def test_a_letter_of_correction_says_its_text():
    [(key, lesson)] = lessons_of(LETTER)

    at = datetime(2026, 3, 10, 18, 40, tzinfo=UTC)
    assert key == f"event:{KEY}:110110:2"
    assert lesson.events == (EventRecord(at, "nfe-corrected", "Onde se le X, leia-se Y."),)


@pytest.mark.parametrize(
    ("facts", "number"),
    [
        ({"extra_info": "RASTREAMENTO Nº: te000000001br"}, "TE000000001BR"),
        ({"contributor_notes": {"Rastreio": "TE000000001BR"}}, "TE000000001BR"),
        # A number without the word for it may be anything.
        ({"extra_info": "TE000000001BR"}, ""),
        ({"contributor_notes": {"pedido": "TE000000001BR"}}, ""),
        ({"extra_info": "rastreio TE000000001BR, rastreio TE000000002BR"}, ""),
        ({"extra_info": None, "contributor_notes": None}, ""),
    ],
)
def test_a_parcels_number_counts_where_it_is_stated_as_one(facts, number):
    assert tracking_of(facts) == number


# --- telling orders -------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.fixture
def xml(cast) -> Document:
    store(
        connection="erp",
        readings=[
            make_reading(
                make_erp_record(
                    documents=(
                        DocumentRecord("xml", DocumentKind.NFE_XML),
                        DocumentRecord("event", DocumentKind.OTHER, title="Evento"),
                        DocumentRecord("boleto", DocumentKind.BOLETO, invoice_number="1001"),
                    )
                )
            )
        ],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    return Document.objects.get(key="xml")


def check(key: str, facts, verdict: str = "serve", at=NOW) -> None:
    """Leave what a check found, as the web process does."""
    Document.objects.filter(key=key).update(
        facts=facts, verdict=verdict, checked_at=at, checked_for=F("company_id")
    )


def test_a_checked_file_makes_its_order_findable(xml):
    check("xml", NFE)

    assert learn_waiting(now=LATER) == 1

    assert Invoice.objects.get().access_key == KEY
    written = set(OrderNumber.objects.values_list("kind", "written"))
    assert {
        ("access_key", KEY),
        ("customer", "4500012345"),
        ("tracking", "TE000000001BR"),
    } <= written
    assert Title.objects.get().amount == Decimal("3781.96")


def test_an_order_is_told_once_of_each_check(xml):
    check("xml", NFE)
    learn_waiting(now=LATER)
    changed_at = Order.objects.get().changed_at

    assert learn_waiting(now=LATER + timedelta(hours=1)) == 0
    check("xml", NFE, at=LATER)
    assert learn_waiting(now=LATER + timedelta(hours=1)) == 1
    assert Order.objects.get().changed_at == changed_at


@pytest.mark.parametrize("verdict", ["refuse", "", "unknown"])
def test_a_file_that_is_not_served_teaches_nothing(xml, verdict):
    check("xml", NFE, verdict)

    learn_waiting(now=LATER)

    assert (Invoice.objects.count(), Supplement.objects.count()) == (0, 0)
    assert learn_waiting(now=LATER) == 0


def test_a_file_that_is_refused_at_last_takes_back_what_it_said(xml):
    check("xml", NFE)
    learn_waiting(now=LATER)

    check("xml", NFE, "refuse", at=LATER)
    learn_waiting(now=LATER)

    assert (Invoice.objects.count(), Title.objects.count(), Supplement.objects.count()) == (0, 0, 0)


def test_a_cancellation_is_on_the_timeline_and_ends_what_was_to_be_paid(xml):
    check("xml", NFE)
    check("event", EVENT, "event_cancels")

    learn_waiting(now=LATER)

    assert list(Event.objects.values_list("code", "text")) == [("nfe-cancelled", "1001/1")]
    states = dict(Document.objects.values_list("key", "state"))
    assert states == {"xml": "cancelled", "boleto": "cancelled", "event": "available"}


def test_what_was_checked_for_another_company_teaches_nothing(xml, cast):
    check("xml", NFE)
    Document.objects.filter(key="xml").update(checked_for=cast.beta.pk)

    learn_waiting(now=LATER)

    assert (Invoice.objects.count(), Supplement.objects.count()) == (0, 0)


def test_what_an_order_learned_does_not_go_with_it_to_another_company(xml, cast):
    check("xml", NFE | {"customer_pos": ["PO-SECRET-77"]})
    learn_waiting(now=LATER)
    assert OrderNumber.objects.filter(written="PO-SECRET-77").exists()

    store(
        connection="erp",
        readings=[make_reading(make_erp_record(customer_id="1002"), LATER)],
        now=LATER,
        company_id=cast.beta.pk,
    )
    learn_waiting(now=LATER)

    assert Order.objects.get().company_id == cast.beta.pk
    assert not OrderNumber.objects.filter(written="PO-SECRET-77").exists()


def test_a_broken_lesson_stops_no_other(xml, cast):
    store(
        connection="erp",
        readings=[
            make_reading(
                make_erp_record("2", documents=(DocumentRecord("x2", DocumentKind.NFE_XML),))
            )
        ],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    check("xml", NFE | {"installments": "none"})
    check("x2", NFE | {"access_key": make_key(1002)}, at=LATER)

    assert learn_waiting(now=LATER) == 2

    assert list(Invoice.objects.values_list("number", flat=True)) == ["1002"]
    assert learn_waiting(now=LATER) == 0


def test_each_verdict_of_a_file_that_is_handed_out_teaches_and_no_other():
    """Rows hold the reader's words, or what a setting made of them."""
    assert {"serve", "warn", "event_cancels", "event_info"} == HANDED_OUT
    assert {"serve", "warn", "event_info"} == USABLE


@pytest.mark.parametrize("wrap", [bytes, base64.b64encode])
def test_what_is_fetched_teaches_and_what_replaces_it_broken_takes_it_back(
    xml, cast, source, actor, wrap
):
    bruno = viewer_of(cast.alfa, cast.bruno, Role.FINANCE)
    source.files["xml"] = wrap(build_nfe(1001))
    take(xml, bruno, actor, source)
    learn_waiting(now=LATER)
    assert Invoice.objects.get().number == "1001"
    # Let go by its age, and asked for again: the source has ruined it meanwhile.
    Document.objects.filter(key="xml").update(file=None)
    source.files["xml"] = b"<html>Sess\xc3\xa3o expirada</html>"
    with as_web(bruno), pytest.raises(DocumentUnavailable):
        open_download(viewer=bruno, actor=actor, public_id=xml.public_id, source=source, now=LATER)

    assert learn_waiting(now=LATER) == 1

    assert (Invoice.objects.count(), Supplement.objects.count()) == (0, 0)


def take(document, viewer, actor, source, now=NOW):
    with as_web(viewer):
        return open_download(
            viewer=viewer, actor=actor, public_id=document.public_id, source=source, now=now
        )
