"""What operations are told of at once: by whom it is raised, how it is grouped, who gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import DatabaseError

from b2b_orders.audit.alarms import Alarm, AlarmMail, note_failed_login, raise_alarm, tell_alarms
from b2b_orders.audit.failures import record_failed_login
from b2b_orders.audit.models import Incident
from b2b_orders.audit.queries import list_incidents
from b2b_orders.audit.services import report_incident
from b2b_orders.common import tenancy
from b2b_orders.common.mail import MailFailed
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.portal import alarms as alarm_mail
from b2b_orders.portal.alarms import tell_alarms as mail_alarms
from tests.factories import NOW, make_person, make_staff

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@dataclass
class Post:
    """A mail server that keeps what it is given, or is away."""

    got: list[AlarmMail] = field(default_factory=list)
    is_away: bool = False

    def send(self, mail: AlarmMail) -> None:
        if self.is_away:
            raise MailFailed("no-mail-server", is_final=False)
        self.got.append(mail)


def tell(post: Post, at=NOW) -> int:
    with tenancy.scope(role=tenancy.WORKER):
        return tell_alarms(now=at, send=post.send)


def guess(person, at=NOW) -> None:
    with tenancy.scope(role=tenancy.WEB, person_id=person.pk):
        raise_alarm(Alarm.GUESSING, person_id=person.pk, address="198.51.100.7", now=at)


def test_the_web_process_raises_and_a_worker_tells_operations(cast):
    guess(cast.ana)
    post = Post()

    assert tell(post) == 1

    [mail] = post.got
    assert (mail.code, mail.count) == ("guessing", 1)
    assert (mail.person_email, mail.address) == ("ana@example.com", "198.51.100.7")
    assert mail.recipients == ("olga@example.com",)


def test_what_one_person_goes_on_doing_is_one_mail_an_hour_with_its_count(cast):
    post = Post()
    guess(cast.ana)
    tell(post)
    for minutes in (5, 20, 40):
        guess(cast.ana, NOW + timedelta(minutes=minutes))
        assert tell(post, NOW + timedelta(minutes=minutes)) == 0

    assert tell(post, NOW + HOUR + timedelta(seconds=1)) == 1

    assert [mail.count for mail in post.got] == [1, 3]
    assert post.got[1].first_at == NOW + timedelta(minutes=5)
    assert post.got[1].last_at == NOW + timedelta(minutes=40)


def test_another_person_or_another_kind_is_a_mail_of_its_own(cast):
    guess(cast.ana)
    guess(cast.beto)
    raise_alarm(Alarm.BULK_MISUSE, person_id=cast.ana.pk, now=NOW)
    post = Post()

    assert tell(post) == 3
    assert sorted((mail.code, mail.person_email) for mail in post.got) == [
        ("bulk-misuse", "ana@example.com"),
        ("guessing", "ana@example.com"),
        ("guessing", "beto@example.com"),
    ]


def test_nothing_is_told_twice(cast):
    guess(cast.ana)
    post = Post()

    assert [tell(post), tell(post), tell(post, NOW + 2 * HOUR)] == [1, 0, 0]


def test_a_mail_server_that_is_away_is_tried_again(cast):
    guess(cast.ana)
    post = Post(is_away=True)

    assert tell(post) == 0
    post.is_away = False
    assert tell(post, NOW + timedelta(seconds=15)) == 1


def test_named_addresses_are_told_instead(cast, settings):
    settings.PORTAL_ALARM_EMAILS = ["soc@seller.example"]
    guess(cast.ana)
    post = Post()

    tell(post)

    assert post.got[0].recipients == ("soc@seller.example",)


def test_people_of_operations_who_left_are_not_told(cast):
    cast.olga.is_active = False
    cast.olga.save()
    make_staff(make_person("Otto"), StaffRole.OPERATIONS)
    guess(cast.ana)
    post = Post()

    tell(post)

    assert post.got[0].recipients == ("otto@example.com",)


def test_the_mail_names_who_and_where_to_look(cast, mailoutbox):
    guess(cast.ana)

    mail_alarms(now=NOW)

    [mail] = mailoutbox
    assert mail.to == ["olga@example.com"]
    assert mail.subject == "Alarme: Alguém abre um endereço desconhecido atrás do outro"
    assert "Pessoa: Ana ana@example.com" in mail.body
    assert "Endereço de rede: 198.51.100.7" in mail.body
    assert "/operacao/recusas?kind=security" in mail.body


def test_one_address_that_is_refused_keeps_it_from_nobody_else(cast, settings, monkeypatch):
    settings.PORTAL_ALARM_EMAILS = ["gone@seller.example", "soc@seller.example"]
    got = []

    def send(*, to: str, **_more: object) -> None:
        if to.startswith("gone"):
            raise MailFailed("recipient-refused", is_final=True)
        got.append(to)

    monkeypatch.setattr(alarm_mail, "send_mail", send)
    guess(cast.ana)

    assert [mail_alarms(now=NOW), mail_alarms(now=NOW)] == [1, 0]
    assert got == ["soc@seller.example"]


@pytest.mark.parametrize("code", ["wrong-company", "document-of-another-company"])
def test_another_companys_data_is_an_alarm_whoever_reports_it(cast, code):
    report_incident(code, connection="erp", company_id=cast.alfa.pk, now=NOW)
    report_incident("damaged-pdf", connection="erp", company_id=cast.alfa.pk, now=NOW)
    post = Post()

    assert tell(post) == 1
    assert (post.got[0].code, post.got[0].connection) == (code, "erp")


def test_operations_list_alarms_alone(cast):
    guess(cast.ana)
    report_incident("damaged-pdf", connection="erp", now=NOW)
    olga = StaffViewer(cast.olga.pk, StaffRole.OPERATIONS)

    with tenancy.scope(role=tenancy.WEB, person_id=cast.olga.pk):
        alarms = list_incidents(viewer=olga, only_alarms=True).rows
        everything = list_incidents(viewer=olga).rows

    assert [(row.code, row.person, row.address) for row in alarms] == [
        ("guessing", "ana@example.com", "198.51.100.7")
    ]
    assert [row.code for row in everything] == ["damaged-pdf", "guessing"]


def test_no_role_changes_what_an_incident_says(cast):
    guess(cast.ana)

    with (
        pytest.raises(DatabaseError, match="permission denied"),
        tenancy.scope(role=tenancy.WORKER),
    ):
        Incident.objects.update(code="damaged-pdf")


def test_many_failed_log_ins_of_one_person_raise_one_alarm(cast, settings):
    settings.PORTAL_LOGIN_ALARMS = {"person": 5, "address": 100}

    for _ in range(12):
        note_failed_login(person_id=cast.ana.pk, address="198.51.100.7", now=NOW)

    [alarm] = Incident.objects.all()
    assert (alarm.code, alarm.person_id) == ("login-failures", cast.ana.pk)


def test_many_failed_log_ins_from_one_address_raise_one_alarm(cast, settings):
    settings.PORTAL_LOGIN_ALARMS = {"person": 5, "address": 10}

    for n in range(30):
        note_failed_login(person_id=None, address="198.51.100.7", now=NOW)
        note_failed_login(person_id=None, address=f"198.51.100.{n + 10}", now=NOW)

    [alarm] = Incident.objects.all()
    assert (alarm.code, alarm.person_id, alarm.address) == ("login-failures", None, "198.51.100.7")


@pytest.mark.parametrize(
    ("detail", "alarms"),
    [
        ({"at": "second-factor"}, 1),
        ({"why": "not-believed"}, 1),
        ({"why": "cancelled"}, 0),
        ({"why": "provider-down"}, 0),
    ],
)
def test_every_way_of_logging_in_counts_what_is_an_attempt(cast, settings, detail, alarms):
    settings.PORTAL_LOGIN_ALARMS = {"person": 2, "address": 0}

    for _ in range(4):
        with tenancy.scope(role=tenancy.WEB):
            record_failed_login(actor=Actor(cast.ana.pk), detail=detail, now=NOW)

    assert Incident.objects.filter(code="login-failures").count() == alarms


def test_a_few_mistyped_passwords_alarm_nobody(client, cast):
    for _ in range(3):
        client.post("/accounts/login/", {"login": "ana@example.com", "password": "errada"})

    assert not Incident.objects.exists()


def test_the_page_of_operations_has_a_filter_for_security(client_for, cast):
    guess(cast.ana)
    report_incident("damaged-pdf", connection="erp", now=NOW)
    olga = client_for(cast.olga)

    everything = olga.get("/operacao/recusas").content.decode()
    security = olga.get("/operacao/recusas?kind=security").content.decode()

    assert "Alguém abre um endereço desconhecido atrás do outro" in security
    assert "ana@example.com" in security
    assert "um PDF cortado" not in security
    assert everything.count("<tr>") == security.count("<tr>") + 1
