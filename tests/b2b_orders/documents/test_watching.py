"""Telling people that a document is there: once, and only who may see it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.errors import NotAllowed, NotVisible
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import Membership, Role, StaffRole
from b2b_orders.documents.expecting import refresh_expected
from b2b_orders.documents.models import Document, DocumentRule, State, Watch
from b2b_orders.documents.queries import list_documents
from b2b_orders.documents.watching import Arrival, tell_watchers, unwatch, watch
from b2b_orders.notifications.models import NotificationChoice
from b2b_orders.portal.telling import tell_watchers as tell_by_mail
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.test_expecting import DANFE, XML, read
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def xml(cast) -> Document:
    order = make_order(cast.alfa)
    return make_document(
        order,
        DocumentKind.NFE_XML,
        "rule:nfe_xml:1001:1",
        origin="rule",
        state=State.EXPECTED,
        invoice_number="1001",
    )


@pytest.fixture
def ana(cast) -> Viewer:
    return viewer_of(cast.alfa, cast.ana)


class Mailbox:
    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.failure: MailFailed | None = None

    def __call__(self, arrival: Arrival) -> None:
        if self.failure:
            raise self.failure
        self.arrivals.append(arrival)


def ask(viewer: Viewer, document: Document, do=watch):
    actor = Actor(person_id=viewer.person_id)
    with as_web(viewer):
        return do(viewer=viewer, actor=actor, public_id=document.public_id, now=NOW)


def arrive(document: Document) -> None:
    Document.objects.filter(pk=document.pk).update(state=State.AVAILABLE, origin="source")


def test_who_waits_is_told_once_when_it_is_there(ana, cast, xml):
    box = Mailbox()
    assert ask(ana, xml) is True
    assert tell_watchers(now=LATER, send=box) == 0

    arrive(xml)
    assert tell_watchers(now=LATER, send=box) == 1
    assert tell_watchers(now=LATER, send=box) == 0

    [arrival] = box.arrivals
    assert (arrival.email, arrival.kind, arrival.invoice_number) == (
        "ana@example.com",
        "nfe_xml",
        "1001",
    )
    assert (arrival.company, arrival.document) == (cast.alfa.public_id, xml.public_id)


def test_asking_twice_is_asking_once(ana, xml):
    ask(ana, xml)
    ask(ana, xml)

    assert Watch.objects.count() == 1
    [event] = AuditEvent.objects.filter(action=Action.DOCUMENT_WATCHED)
    assert (event.object_id, event.detail["undone"]) == (str(xml.public_id), False)


def test_who_takes_it_back_is_not_told(ana, xml):
    box = Mailbox()
    ask(ana, xml)
    ask(ana, xml, do=unwatch)
    arrive(xml)

    assert (tell_watchers(now=LATER, send=box), box.arrivals) == (0, [])
    undone = AuditEvent.objects.filter(action=Action.DOCUMENT_WATCHED).values_list(
        "detail__undone", flat=True
    )
    assert list(undone.order_by("pk")) == [False, True]


def test_the_row_says_that_its_viewer_is_told(ana, cast, xml):
    ask(ana, xml)
    order_id = xml.record.order_id

    with as_web(ana):
        assert [r.is_watched for r in list_documents(viewer=ana, order_id=order_id)] == [True]
    rita = viewer_of(cast.alfa, cast.rita, Role.ADMIN)
    with as_web(rita):
        assert [r.is_watched for r in list_documents(viewer=rita, order_id=order_id)] == [False]


def test_another_companys_document_cannot_be_waited_for(cast, xml):
    with pytest.raises(NotVisible):
        ask(viewer_of(cast.beta, cast.beto), xml)
    assert not Watch.objects.exists()


def test_the_sellers_people_are_not_told_in_a_customers_stead(cast, xml):
    agent = viewer_of(cast.alfa, cast.suzana, staff_role=StaffRole.SUPPORT)

    with pytest.raises(NotAllowed):
        ask(agent, xml)


def test_what_is_there_already_needs_no_waiting(ana, xml):
    arrive(xml)

    assert ask(ana, xml) is False
    assert not Watch.objects.exists()


def leave(cast, xml) -> None:
    Membership.objects.filter(person=cast.ana).update(is_active=False)


def lock_out(cast, xml) -> None:
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(is_active=False)


def hide(cast, xml) -> None:
    DocumentRule.objects.create(kind="nfe_xml", effect="hide", changed_at=NOW)


def close(cast, xml) -> None:
    type(cast.alfa).objects.filter(pk=cast.alfa.pk).update(is_active=False)


def move(cast, xml) -> None:
    Document.objects.filter(pk=xml.pk).update(company=cast.beta)


@pytest.mark.parametrize("happened", [leave, lock_out, hide, close, move])
def test_who_may_not_see_it_any_more_is_not_told(ana, cast, xml, happened):
    box = Mailbox()
    ask(ana, xml)
    arrive(xml)
    happened(cast, xml)

    assert (tell_watchers(now=LATER, send=box), box.arrivals) == (0, [])
    assert not Watch.objects.exists()


def test_a_mail_server_that_is_away_is_tried_again(ana, xml):
    box = Mailbox()
    ask(ana, xml)
    arrive(xml)
    box.failure = MailFailed("no-mail-server", is_final=False)
    assert tell_watchers(now=LATER, send=box) == 0

    box.failure = None
    assert tell_watchers(now=LATER, send=box) == 1


def test_an_address_that_is_refused_for_good_is_not_tried_again(ana, xml):
    box = Mailbox()
    ask(ana, xml)
    arrive(xml)
    box.failure = MailFailed("recipient-refused", is_final=True)
    tell_watchers(now=LATER, send=box)

    box.failure = None
    assert (tell_watchers(now=LATER, send=box), box.arrivals) == (0, [])


def test_the_mail_is_in_the_persons_language_and_shows_nothing_to_pay_with(
    ana, cast, xml, mailoutbox, settings
):
    settings.PORTAL_URL = "https://pedidos.loja.example"
    Document.objects.filter(pk=xml.pk).update(
        kind="boleto", typeable_line="34191790010104351004791020150008191070000100000", pix="000201"
    )
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(language="es")
    ask(ana, xml)
    arrive(xml)

    assert tell_by_mail(now=LATER) == 1

    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["ana@example.com"], "Boleto de la NF 1001: ya disponible")
    order = xml.record.order.public_id
    company = f"https://pedidos.loja.example/c/{cast.alfa.public_id}"
    url = f"{company}/pedidos/{order}#doc-{xml.public_id}"
    page = str(mail.alternatives[0][0])
    for text in (mail.body, page):
        assert url in text
        assert "34191" not in text
        assert "000201" not in text


@pytest.mark.usefixtures("document_rules")
def test_who_waits_goes_on_waiting_for_the_file_that_comes(ana, cast):
    record_id = read(cast.alfa)
    waited = Document.objects.get(kind="nfe_xml")
    ask(ana, waited)

    read(cast.alfa, at=LATER, documents=(XML,))

    assert Watch.objects.get().document.key == "xml"
    # A page that we made is another row: who waits for a DANFE waits for that one.
    danfe = Document.objects.get(kind="danfe")
    ask(ana, danfe)
    made = make_document(danfe.record.order, key="made", origin="rendered", invoice_number="1001")
    refresh_expected(record_ids=[record_id], now=LATER)
    assert not Document.objects.filter(pk=danfe.pk).exists()
    assert Watch.objects.filter(document=made).exists()
    read(cast.alfa, at=LATER + timedelta(hours=1), documents=(XML, DANFE))
    assert Document.objects.get(pk=made.pk).state == State.AVAILABLE


def test_nobody_is_told_in_their_quiet_hours_but_after_them(ana, cast, xml, mailoutbox):
    NotificationChoice.objects.create(
        person=cast.ana, quiet_from=11, quiet_until=12, changed_at=NOW
    )
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(time_zone="America/Sao_Paulo")
    ask(ana, xml)
    arrive(xml)

    # 11:00 in São Paulo.
    assert tell_by_mail(now=LATER) == 0
    assert tell_by_mail(now=LATER + timedelta(hours=1)) == 1
    assert len(mailoutbox) == 1
