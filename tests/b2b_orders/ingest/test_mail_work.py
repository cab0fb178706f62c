"""Documents by e-mail: to whom, with what, once, and recorded."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends import locmem

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import Acting, Membership, Role
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.mailing import list_contacts, list_mailings, request_mailing
from b2b_orders.documents.models import Document, Mailing, State
from b2b_orders.ingest import mail_work
from erp_bridge.errors import NotFound, Unreachable
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import NOW, make_document, make_member, make_order, make_person

pytestmark = pytest.mark.django_db
PDF = make_pdf()
LINE = "34191790010104351004791020150008191070000100000"


@pytest.fixture(autouse=True)
def _store(settings, tmp_path):
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}


@pytest.fixture
def source() -> FakeSource:
    return FakeSource({"boleto": PDF, "danfe": PDF})


@pytest.fixture
def boleto(cast) -> Document:
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    return make_document(
        order,
        DocumentKind.BOLETO,
        "boleto",
        invoice_number="1001",
        title_state="open",
        typeable_line=LINE,
    )


@pytest.fixture
def danfe(boleto) -> Document:
    return make_document(boleto.record.order, key="danfe", invoice_number="1001")


def viewer_of(person, company, **given) -> Viewer:
    viewer = viewer_of_asker(
        person_id=person.pk, company_id=company.pk, **({"is_staff": False} | given)
    )
    assert viewer is not None
    return viewer


@contextmanager
def as_web(viewer: Viewer) -> Iterator[None]:
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        yield


def ask(document, viewer, contact=None, address="", reason="", now=NOW) -> int:
    with as_web(viewer):
        return request_mailing(
            viewer=viewer,
            actor=Actor(viewer.person_id, viewer.staff_role, "203.0.113.9"),
            public_id=document.public_id,
            contact=contact.public_id if contact else None,
            address=address,
            reason=reason,
            language="en",
            now=now,
        )


def send(mailing: int, source, now=NOW) -> str | None:
    with tenancy.scope(role=tenancy.WORKER):
        return mail_work.run_mailing(mailing_id=mailing, clock=lambda: now, source=source)


# --- to whom -------------------------------------------------------------------------------


def test_contacts_are_the_companys_people_who_may_see_the_document(cast, boleto, danfe):
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
    bruno = viewer_of(cast.bruno, cast.alfa)

    def names(document) -> list[str]:
        with as_web(bruno):
            contacts = list_contacts(viewer=bruno, public_id=document.public_id)
        return [contact.name for contact in contacts]

    # Carla sees the branch only, Ana no finance any more, Beto is of Beta.
    assert names(boleto) == ["Bruno", "Davi", "Rita"]
    assert names(danfe) == ["Ana", "Bruno", "Davi", "Rita"]
    Membership.objects.filter(person=cast.davi).update(is_active=False)
    type(cast.rita).objects.filter(pk=cast.rita.pk).update(is_active=False)
    assert names(danfe) == ["Ana", "Bruno"]


def test_nobody_sends_what_they_may_not_take(cast, boleto):
    carla, beto = viewer_of(cast.carla, cast.alfa), viewer_of(cast.beto, cast.beta)
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)

    for viewer in (carla, beto, viewer_of(cast.ana, cast.alfa)):
        with pytest.raises(NotVisible):
            ask(boleto, viewer, address="x@example.com", reason="because")
        with as_web(viewer), pytest.raises(NotVisible):
            list_contacts(viewer=viewer, public_id=boleto.public_id)


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({}, "contact", "no-recipient"),
        ({"address": "nobody"}, "address", "not-an-address"),
        ({"address": "a@b.example\nBcc: c@d.example"}, "address", "not-an-address"),
        ({"address": f"a@{'b.' * 150}example", "reason": "call 4711"}, "address", "not-an-address"),
        ({"address": "a@b.example\0", "reason": "call 4711"}, "address", "not-an-address"),
        ({"address": "new@example.com"}, "reason", "reason-too-short"),
        ({"address": "new@example.com", "reason": " x  "}, "reason", "reason-too-short"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(cast, boleto, given, field, code):
    with pytest.raises(InvalidInput) as caught:
        ask(boleto, viewer_of(cast.bruno, cast.alfa), **given)

    assert (caught.value.field, caught.value.message) == (field, code)
    assert not Mailing.objects.exists()


def test_an_address_that_only_looks_like_a_colleagues_is_a_new_one(cast, boleto):
    cast.bruno.email = "bruno@weiss.example"
    cast.bruno.save()
    bruno = viewer_of(cast.bruno, cast.alfa)

    with pytest.raises(InvalidInput, match="reason-too-short"):
        ask(boleto, bruno, address="bruno@wei\u00df.example")
    ask(boleto, bruno, address="Bruno@WEISS.example")

    mailing = Mailing.objects.get()
    assert (mailing.recipient, mailing.is_known) == ("bruno@weiss.example", True)


def test_somebody_of_another_company_is_no_contact(cast, boleto):
    with pytest.raises(InvalidInput, match="not-a-contact"):
        ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.beto)


def test_a_new_address_is_marked_and_recorded_with_its_reason(cast, boleto):
    bruno = viewer_of(cast.bruno, cast.alfa)
    ask(boleto, bruno, address="caller@example.com", reason="call 4711")

    with as_web(bruno):
        [view] = list_mailings(viewer=bruno, public_id=boleto.public_id)
    assert (view.recipient, view.is_known, view.reason) == (
        "caller@example.com",
        False,
        "call 4711",
    )
    line = AuditEvent.objects.get()
    assert (line.action, line.person_id, line.company_id, str(line.address), line.reason) == (
        "document_mailed",
        cast.bruno.pk,
        cast.alfa.pk,
        "203.0.113.9",
        "call 4711",
    )
    assert (line.detail["recipient"], line.detail["is_known"]) == ("caller@example.com", False)


def test_many_mails_in_an_hour_are_stopped(cast, boleto, settings):
    settings.PORTAL_MAILS_AN_HOUR = 2
    bruno = viewer_of(cast.bruno, cast.alfa)
    for _ in range(2):
        ask(boleto, bruno, contact=cast.rita)

    with pytest.raises(Conflict):
        ask(boleto, bruno, contact=cast.rita)
    ask(boleto, bruno, contact=cast.rita, now=NOW + timedelta(minutes=61))


# --- sent ----------------------------------------------------------------------------------


def test_a_mail_is_from_the_seller_with_the_file_and_without_the_line(
    cast, boleto, source, settings
):
    settings.PORTAL_SELLER_NAME = "Vendedora"
    settings.DEFAULT_FROM_EMAIL = "no-reply@seller.example"

    assert send(ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.rita), source) == "done"

    [message] = mail.outbox
    assert message.to == ["rita@example.com"]
    assert message.from_email == "Vendedora <no-reply@seller.example>"
    [attachment] = message.attachments
    assert attachment[0] == "Boleto-1001.pdf"
    assert attachment[1] == PDF
    whole = message.body + str(message.alternatives)
    assert LINE not in whole
    assert "Boleto · NF 1001" in message.body
    assert "Bruno of Alfa Distribuidora" in message.body


def test_a_large_file_is_a_link_that_needs_a_log_in(cast, danfe, source, settings):
    settings.PORTAL_MAIL_BYTES = len(PDF) - 1

    send(ask(danfe, viewer_of(cast.bruno, cast.alfa), contact=cast.rita), source)

    [message] = mail.outbox
    assert message.attachments == []
    order = danfe.record.order
    page = f"/c/{cast.alfa.public_id}/pedidos/{order.public_id}/documentos/{danfe.public_id}"
    assert page in message.body


def test_who_may_be_sent_a_boleto_is_told_by_their_own_rights_not_by_their_role_alone(cast, boleto):
    vera = make_person("Vera")
    make_member(vera, cast.alfa, Role.VIEWER)
    rows = Membership.objects.filter(company=cast.alfa)
    rows.filter(person=vera).update(sees_finance=True)
    rows.filter(person=cast.ana).update(sees_finance=False)

    contacts = list_contacts(viewer=viewer_of(cast.bruno, cast.alfa), public_id=boleto.public_id)

    names = {contact.name for contact in contacts}
    assert "Vera" in names
    assert "Ana" not in names


def test_an_agent_sends_as_the_seller_and_the_company_sees_who_and_why(cast, boleto, source):
    row = Acting.objects.create(
        person=cast.suzana,
        company=cast.alfa,
        reason="call 4711",
        session_key="s",
        started_at=NOW,
        seen_at=NOW,
    )
    suzana = viewer_of(cast.suzana, cast.alfa, is_staff=True, acting_id=row.pk)

    mailing = ask(boleto, suzana, contact=cast.rita)
    # She has hung up by the time that a worker comes to it.
    Acting.objects.update(ended_at=NOW)

    assert send(mailing, source) == "done"
    assert "Suzana" not in mail.outbox[0].body
    assert Mailing.objects.get().reason == "call 4711"
    assert AuditEvent.objects.get(action="document_mailed").person_id == cast.suzana.pk


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("sender", "no-longer-allowed"),
        ("recipient", "recipient-gone"),
        ("moved", "recipient-gone"),
        ("paid", "settled"),
        ("missing", "unavailable"),
        ("unchecked", "unchecked"),
    ],
)
def test_what_may_not_go_out_any_more_does_not(cast, boleto, source, change, outcome):
    if change == "unchecked":
        # We hold a copy of long ago.
        send(ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.rita), source)
        mail.outbox.clear()
        Document.objects.update(fetched_at=NOW - timedelta(hours=1))
        source.files["boleto"] = Unreachable("down")
    mailing = ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.rita)
    if change == "sender":
        Membership.objects.filter(person=cast.bruno).update(role=Role.VIEWER)
    elif change == "recipient":
        Membership.objects.filter(person=cast.rita).update(is_active=False)
    elif change == "moved":
        boleto.record.company = cast.beta
        boleto.record.save()
    elif change == "paid":
        Document.objects.update(title_state="paid")
    elif change == "missing":
        source.files["boleto"] = NotFound("gone")

    assert send(mailing, source) == "failed"

    assert Mailing.objects.get(pk=mailing).outcome == outcome
    assert mail.outbox == []


def test_a_document_that_is_not_valid_cannot_be_sent(cast, boleto):
    Document.objects.update(state=State.REPLACED)

    with pytest.raises(InvalidInput, match="not-available"):
        ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.rita)


class Killed(BaseException):
    pass


def test_a_killed_workers_mail_is_not_sent_twice(cast, boleto, source, monkeypatch):
    mailing = ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.rita)
    sending = locmem.EmailBackend.send_messages

    def killed(self, messages):
        sending(self, messages)
        raise Killed

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", killed)
    with pytest.raises(Killed):
        mail_work.run_mailing(mailing_id=mailing, clock=lambda: NOW, source=source)
    monkeypatch.undo()
    assert mail_work.waiting_mailings(now=NOW + timedelta(seconds=6)) == [mailing]

    assert send(mailing, source) == "failed"

    assert len(mail.outbox) == 1
    assert Mailing.objects.get().outcome == "unsure"
    assert send(mailing, source) is None


def test_a_mail_server_that_is_away_is_tried_again_and_then_given_up(
    cast, boleto, source, settings
):
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    bruno = viewer_of(cast.bruno, cast.alfa)
    first, second = (ask(boleto, bruno, contact=cast.rita) for _ in range(2))

    assert send(first, source) == "waiting"
    assert Mailing.objects.get(pk=first).outcome == "no-mail-server"
    assert send(second, source, NOW + timedelta(minutes=31)) == "failed"

    settings.EMAIL_BACKEND = working
    assert send(first, source) == "done"
    assert Mailing.objects.get(pk=first).outcome == ""
    assert len(mail.outbox) == 1


def test_a_refused_address_is_told_and_not_tried_again(cast, boleto, source, monkeypatch):
    def refuse(_self, messages):
        raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (550, b"no such user")})

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)
    mailing = ask(boleto, viewer_of(cast.bruno, cast.alfa), contact=cast.rita)

    assert send(mailing, source) == "failed"
    assert Mailing.objects.get().outcome == "recipient-refused"
