"""Following from pages, the page of what I am told, and the links that end it without log-in."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.test import Client

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import State, Watch
from b2b_orders.notifications import noticing
from b2b_orders.notifications.links import Ending, sign_ending
from b2b_orders.notifications.models import Follow, Notice, NotificationChoice
from b2b_orders.portal import notices_mail
from erp_bridge.records import DocumentKind, NumberKind
from tests.b2b_orders.common import test_mail
from tests.b2b_orders.documents.conftest import viewer_of
from tests.b2b_orders.notifications.conftest import HOUR, change, follow, follow_list
from tests.factories import NOW, make_document, make_order, make_title

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=10)
# A real mail server, as the tests of mail itself have it.
server = test_mail.server
TOKEN = re.compile(rb'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=nonce=")[^"]+|[0-9a-f-]{36}')
HOSTILE = '<script>alert(1)</script>"><img src=x>\r\nBcc: all@evil.example'


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, fulfilment="picking")


@pytest.fixture
def ana(cast):
    return viewer_of(cast.alfa, cast.ana)


# --- the buttons -----------------------------------------------------------------------------


def test_the_button_follows_the_order_and_ends_it(cast, client_for, order):
    client = client_for(cast.ana)
    page = f"/pedidos/{order.public_id}"
    assert "Seguir pedido" in client.get(page).content.decode()

    answer = client.post(f"{page}/seguir")

    assert (answer.status_code, answer["Location"]) == (302, page)
    assert Follow.objects.get().person == cast.ana
    assert "Seguindo" in client.get(page).content.decode()
    client.post(f"{page}/seguir", {"undo": "1"})
    assert not Follow.objects.exists()


def test_htmx_gets_the_button_alone(cast, client_for, order):
    answer = client_for(cast.ana).post(
        f"/pedidos/{order.public_id}/seguir", headers={"HX-Request": "true"}
    )

    body = answer.content.decode()
    assert body.startswith("<form") or body.lstrip().startswith("<form")
    assert 'aria-pressed="true"' in body
    assert "<html" not in body


@pytest.mark.parametrize("name", ["suzana", "teo"])
def test_staff_are_offered_nothing_to_follow(cast, client_for, order, name):
    client = client_for(getattr(cast, name))
    if name == "suzana":
        client.post(
            "/atendimento/atuar",
            {"q": "0004500123", "order": str(order.public_id), "reason": "call 1"},
        )
    page = f"/c/{cast.alfa.public_id}/pedidos/{order.public_id}"

    assert "Seguir pedido" not in client.get(page).content.decode()
    assert client.post(f"{page}/seguir").status_code in {403, 404}
    assert client.get("/conta/avisos").status_code == 404
    assert not Follow.objects.exists()


def test_a_filtered_list_is_followed_by_its_filter(cast, client_for, order):
    client = client_for(cast.ana)
    assert "Seguir esta lista" not in client.get("/pedidos").content.decode()
    assert "Seguir esta lista" in client.get("/pedidos?situacao=picking").content.decode()

    answer = client.post(
        "/pedidos/seguir", {"situacao": "picking", "nome": " Separação ", "tipo": ["order"]}
    )

    assert answer["Location"] == "/pedidos?situacao=picking"
    made = Follow.objects.get()
    assert (made.query, made.name, made.kinds) == ("situacao=picking", "Separação", ["order"])
    client.post("/pedidos/seguir", {"situacao": "picking", "undo": "1"})
    assert not Follow.objects.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"nome": "x", "tipo": "order"}, "Filtre a lista primeiro"),
        ({"situacao": "picking", "tipo": "order"}, "Dê um nome"),
        ({"situacao": "picking", "nome": "x"}, "Escolha de que"),
        ({"situacao": "nonsense", "nome": "x", "tipo": "order"}, "Filtre a lista primeiro"),
    ],
)
def test_a_list_without_filter_name_or_kind_is_not_followed_and_says_why(
    cast, client_for, given, words
):
    client = client_for(cast.ana)

    answer = client.post("/pedidos/seguir", given, follow=True)

    assert words in answer.content.decode()
    assert not Follow.objects.exists()


# --- my page ---------------------------------------------------------------------------------


def test_my_page_lists_what_i_follow_and_ends_it(cast, client_for, order, ana):
    follow(ana, order)
    follow_list(ana, "order", situacao="picking")
    document = make_document(order, state=State.EXPECTED)
    Watch.objects.create(document=document, company=cast.alfa, person=cast.ana, asked_at=NOW)
    client = client_for(cast.ana)

    page = client.get("/conta/avisos").content.decode()

    for text in ("Pedido 0004500123", "Minha lista", "Novo pedido na lista", "DANFE"):
        assert text in page
    for row in Follow.objects.all():
        client.post(f"/conta/avisos/{row.public_id}/encerrar")
    client.post(f"/conta/avisos/documentos/{document.public_id}/encerrar")
    assert (Follow.objects.count(), Watch.objects.count()) == (0, 0)
    assert AuditEvent.objects.filter(action=Action.UNFOLLOWED).count() == 2


def test_my_page_shows_the_follows_of_all_my_companies(cast, client_for, order):
    theirs = make_order(cast.beta, [(NumberKind.ERP, "B-9")])
    follow(viewer_of(cast.alfa, cast.davi), order)
    follow(viewer_of(cast.beta, cast.davi), theirs)
    client = client_for(cast.davi)

    page = client.get("/conta/avisos").content.decode()

    assert "0004500123" in page
    assert "B-9" in page
    client.post(f"/conta/avisos/{Follow.objects.get(order=theirs).public_id}/encerrar")
    assert Follow.objects.get().order == order


def test_an_order_that_is_not_mine_any_more_is_not_named(cast, client_for, order, ana):
    follow(ana, order)
    member = Membership.objects.get(person=cast.ana)
    Membership.objects.filter(pk=member.pk).update(is_scoped=True)
    member.scopes.create(establishment=cast.alfa_branch, company=cast.alfa, person=cast.ana)

    assert "0004500123" not in client_for(cast.ana).get("/conta/avisos").content.decode()


def test_the_kinds_of_a_follow_are_changed(cast, client_for, order, ana):
    follow(ana, order)
    made = Follow.objects.get()
    client = client_for(cast.ana)
    address = f"/conta/avisos/{made.public_id}"

    client.post(address, {"tipo": ["status", "due"]})
    made.refresh_from_db()
    assert made.kinds == ["status", "due"]
    client.post(address, {})
    made.refresh_from_db()
    assert made.kinds == ["status", "due"]
    everything = ("status", "invoiced", "promise", "document", "boleto", "due", "overdue")
    client.post(address, {"tipo": everything})
    made.refresh_from_db()
    assert made.kinds == []


GIVEN = {
    "ritmo": "daily",
    "hora": "18",
    "silencio_de": "20",
    "silencio_ate": "7",
    "dias": "5",
    "tipo": ["status"],
}


def test_when_i_am_told_is_kept(cast, client_for):
    client = client_for(cast.ana)

    assert client.post("/conta/avisos/escolhas", GIVEN).status_code == 302

    row = NotificationChoice.objects.get(person=cast.ana)
    assert (row.rhythm, row.daily_at, row.quiet_from, row.quiet_until, row.due_days) == (
        "daily",
        18,
        20,
        7,
        5,
    )
    assert "status" not in row.without
    page = client.get("/conta/avisos").content.decode()
    assert '<option value="18" selected>18:00</option>' in page
    assert "(GMT" in page.split('id="quiet-hint"')[1].split("</p>")[0]


def test_kinds_that_were_not_offered_stay_wanted(cast, client_for):
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)

    client_for(cast.ana).post("/conta/avisos/escolhas", GIVEN)

    without = NotificationChoice.objects.get(person=cast.ana).without
    assert not {"due", "overdue", "boleto"} & set(without)
    assert "document" in without


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"silencio_ate": ""}, "Escolha as duas horas"),
        ({"ritmo": "x"}, "Escolha uma destas"),
        ({"hora": "99"}, "18"),
        ({"dias": "-1"}, "Dias"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(cast, client_for, wrong, words):
    answer = client_for(cast.ana).post("/conta/avisos/escolhas", GIVEN | wrong)

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not NotificationChoice.objects.exists()


def test_a_mail_on_trial_comes_once(cast, client_for, mailoutbox):
    client = client_for(cast.ana)
    client.post("/conta/avisos/teste")
    client.post("/conta/avisos/teste")

    assert notices_mail.tell(now=LATER) == 1
    assert notices_mail.tell(now=LATER) == 0
    assert [mail.to for mail in mailoutbox] == [["ana@example.com"]]


@pytest.mark.parametrize("what", ["", "/encerrar"])
def test_what_others_follow_does_not_exist(cast, client_for, order, ana, what):
    follow(ana, order)
    made = Follow.objects.get()
    client = client_for(cast.beto)
    never = client.post(
        f"/conta/avisos/00000000-0000-4000-8000-000000000000{what}", {"tipo": "due"}
    )

    theirs = client.post(f"/conta/avisos/{made.public_id}{what}", {"tipo": "due"})

    assert theirs.status_code == never.status_code == 404
    assert TOKEN.sub(b"", theirs.content) == TOKEN.sub(b"", never.content)
    made.refresh_from_db()
    assert made.kinds == []


# --- the mail --------------------------------------------------------------------------------


def send_all(order, at=LATER) -> int:
    noticing.sweep_changes(now=at)
    noticing.look_in_turn(now=at + HOUR)
    return notices_mail.tell(now=at + 2 * HOUR)


def test_a_real_mail_has_both_parts_ages_links_and_one_click(
    cast,
    ana,
    order,
    server,
    settings,
):
    settings.PORTAL_URL = "https://pedidos.loja.example"
    settings.TIME_ZONE = "America/Sao_Paulo"
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(language="es")
    make_title(order, due_on=NOW.date() + timedelta(days=2))
    follow(ana, order)
    make_document(order, DocumentKind.DANFE, "d", state_since=LATER, invoice_number="1001")
    change(order, LATER, fulfilment="shipped")

    assert send_all(order) == 1

    [mail] = server.caught
    assert mail["to"] == "ana@example.com"
    assert mail["subject"] == "Pedido 0004500123: Despachado"
    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    link = f"https://pedidos.loja.example/c/{cast.alfa.public_id}/pedidos/{order.public_id}"
    for part in (text, page):
        assert link in part
        for words in (
            "Despachado (antes: En preparación)",
            "DANFE de la NF 1001",
            "12/03/2026",
            "Datos de: ERP 10:00",
            "Alfa Distribuidora",
        ):
            assert words in part.replace("\xa0", " ").replace("10/03 ", "")
    assert list(mail.iter_attachments()) == []
    header = mail["List-Unsubscribe"].strip()
    assert re.fullmatch(r"<https://pedidos\.loja\.example/parar-avisos/[\w:-]+>", header)
    assert header[1:-1] in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_the_subject_counts_many_orders_and_one_click_then_ends_all(cast, ana, mailoutbox):
    for number in ("1", "2", "3"):
        each = make_order(cast.alfa, [(NumberKind.ERP, number)])
        follow(ana, each)
        change(each, LATER, fulfilment="shipped")

    send_all(None)

    [mail] = mailoutbox
    assert mail.subject == "Novidades de 3 pedidos"
    secret = mail.extra_headers["List-Unsubscribe"].rpartition("/")[2].rstrip(">")
    Client().post(f"/parar-avisos/{secret}", {"List-Unsubscribe": "One-Click"})
    assert NotificationChoice.objects.get(person=cast.ana).rhythm == "off"


def test_amounts_are_told_to_who_may_see_them_alone(cast, order, mailoutbox):
    make_title(order)
    order.invoices.create(company=cast.alfa, number="7", series="1", total=order.total)
    for person, role in ((cast.ana, Role.BUYER), (cast.carla, Role.VIEWER)):
        Membership.objects.filter(person=person).update(role=role, is_scoped=False)
        follow(viewer_of(cast.alfa, person, role), order)
    change(order, LATER, fulfilment="shipped")

    send_all(order)

    bodies = {mail.to[0]: mail.body + str(mail.alternatives[0][0]) for mail in mailoutbox}
    assert "1.000,00" in bodies["ana@example.com"]
    assert "1.000,00" not in bodies["carla@example.com"]
    assert "Boleto" not in bodies["carla@example.com"]


def test_hostile_words_are_text_and_no_headers(cast, ana, mailoutbox):
    order = make_order(cast.alfa, [(NumberKind.ERP, "9")], title=HOSTILE[:80])
    follow(ana, order)
    type(cast.alfa).objects.filter(pk=cast.alfa.pk).update(name="<b>Alfa</b>")
    change(order, LATER, fulfilment="unmapped", status_raw="<i>odd</i>\nhttp://x.example")

    send_all(order)

    [mail] = mailoutbox
    page = str(mail.alternatives[0][0])
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "\n" not in mail.subject
    assert mail.message()["Bcc"] is None
    assert not any(line.startswith(("Bcc", "http://x")) for line in mail.body.splitlines())


def test_moments_are_those_of_the_persons_zone(cast, ana, order, mailoutbox):
    type(cast.ana).objects.filter(pk=cast.ana.pk).update(time_zone="America/Noronha")
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")

    send_all(order)

    [mail] = mailoutbox
    assert "ERP 11:00" in mail.body.replace("\xa0", " ")
    assert "Noronha (GMT-02:00)" in mail.body


# --- links that end it -----------------------------------------------------------------------


def link_of(cast, order) -> str:
    row = Follow.objects.get()
    return "/parar-avisos/" + sign_ending(Ending(cast.ana.pk, cast.alfa.pk, row.public_id))


def test_a_link_shows_a_button_first_and_then_ends_its_follow(cast, ana, order, client):
    follow(ana, order)
    link = link_of(cast, order)

    page = client.get(link)
    assert page.status_code == 200
    assert Follow.objects.exists()
    assert "0004500123" not in page.content.decode()
    assert page["Cache-Control"] == "private, no-store"

    # As mail programs do it: without a cookie, a token or a look at the page.
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not Follow.objects.exists()
    ended = AuditEvent.objects.get(action=Action.UNFOLLOWED)
    assert (ended.person_id, ended.detail) == (cast.ana.pk, {"how": "link"})
    # Again is the same.
    assert strict.post(link).status_code == 200
    assert AuditEvent.objects.filter(action=Action.UNFOLLOWED).count() == 1


def test_a_link_ends_nothing_of_anybody_else(cast, ana, order, client):
    follow(ana, order)
    row = Follow.objects.get()

    for ending in (
        Ending(cast.bruno.pk, cast.alfa.pk, row.public_id),
        Ending(cast.ana.pk, cast.beta.pk, row.public_id),
    ):
        client.post(f"/parar-avisos/{sign_ending(ending)}")

    assert Follow.objects.exists()


def test_what_was_noted_of_an_ended_follow_is_not_told(cast, ana, order, client, mailoutbox):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    noticing.sweep_changes(now=LATER)
    client.post(link_of(cast, order))

    assert notices_mail.tell(now=LATER + HOUR) == 0
    assert (mailoutbox, Notice.objects.count()) == ([], 0)


@pytest.mark.parametrize("spoil", ["", "x", "a:b:c", "x" * 5000, "%00"])
def test_a_link_that_nobody_signed_does_not_work(cast, ana, order, client, spoil):
    follow(ana, order)

    for answer in (client.get(f"/parar-avisos/{spoil}"), client.post(f"/parar-avisos/{spoil}")):
        assert answer.status_code == 404
    changed = link_of(cast, order)[:-1]
    assert client.post(changed).status_code == 404
    assert Follow.objects.exists()


def test_the_secret_of_a_link_is_in_no_log(cast, ana, order, client, caplog):
    follow(ana, order)
    link = link_of(cast, order)
    with caplog.at_level(logging.DEBUG):
        answer = client.get(link)

    assert answer.wsgi_request.path == "/parar-avisos"
    assert link.rpartition("/")[2] not in caplog.text


def test_a_mail_that_fails_once_is_sent_later(cast, ana, order, monkeypatch):
    follow(ana, order)
    change(order, LATER, fulfilment="shipped")
    sent: list[dict[str, object]] = []

    def away(**mail: object) -> None:
        raise MailFailed("no-mail-server", is_final=False)

    monkeypatch.setattr(notices_mail, "send_mail", away)
    assert send_all(order) == 0
    monkeypatch.setattr(notices_mail, "send_mail", lambda **mail: sent.append(mail))

    assert notices_mail.tell(now=LATER + 3 * HOUR) == 1
    assert sent[0]["to"] == "ana@example.com"
