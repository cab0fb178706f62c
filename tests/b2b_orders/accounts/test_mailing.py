"""Mail about signing in: sent once, in time, to whom it belongs, and forgotten."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import DatabaseError, transaction

from b2b_orders.accounts import mailing, tasks
from b2b_orders.accounts.models import MailKind, SignInMail
from b2b_orders.common import clock, tenancy
from tests.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    return make_person("Ana")


def left(person, kind=MailKind.CODE, **payload):
    mailing.leave(
        person_id=person.pk if person else None,
        kind=kind,
        payload={"code": "123456", **payload},
        now=clock.now(),
    )
    return SignInMail.objects.latest("pk")


def test_code_is_mailed_once_and_then_forgotten(ana):
    row = left(ana)
    assert b"123456" not in bytes(row.payload)

    sent = [mailing.run(mail_id=row.pk, now=clock.now()) for _ in range(2)]

    row.refresh_from_db()
    assert sent == [True, False]
    assert [(each.to, "123456" in each.body) for each in mail.outbox] == [([ana.email], True)]
    assert "123456" in mail.outbox[0].alternatives[0][0]
    assert (bytes(row.payload), row.outcome) == (b"", "")


def test_web_process_leaves_mail_and_cannot_read_it_back(ana):
    with tenancy.scope(role=tenancy.WEB):
        left_by_web = SignInMail.objects.create(
            person=ana, kind=MailKind.CODE, payload=b"x", asked_at=clock.now()
        )
        for column in ("payload", "person_id", "kind"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                list(SignInMail.objects.values_list(column))
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            SignInMail.objects.filter(pk=left_by_web.pk).delete()


def test_mail_speaks_the_language_of_who_asked(ana, settings):
    ana.language = "es"
    ana.save()
    row = left(ana)
    SignInMail.objects.update(language="")

    mailing.run(mail_id=row.pk, now=clock.now())

    assert mail.outbox[0].subject == "Su código para entrar"


def test_to_nobody_and_to_who_was_switched_off_nothing_is_sent(ana):
    ana.is_active = False
    ana.save()
    rows = [left(None), left(ana)]

    for row in rows:
        assert mailing.run(mail_id=row.pk, now=clock.now()) is False

    assert mail.outbox == []
    assert set(SignInMail.objects.values_list("outcome", flat=True)) == {"nobody"}


def test_code_that_no_longer_works_is_not_sent(ana):
    row = left(ana)

    assert mailing.run(mail_id=row.pk, now=clock.now() + timedelta(minutes=11)) is False

    row.refresh_from_db()
    assert (mail.outbox, row.outcome, bytes(row.payload)) == ([], "too-late", b"")


def test_mail_server_that_is_away_is_tried_again(ana, monkeypatch):
    def refuses(_self):
        raise smtplib.SMTPServerDisconnected

    row = left(ana)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMultiAlternatives.send", refuses)
        assert mailing.run(mail_id=row.pk, now=clock.now()) is False
    row.refresh_from_db()
    assert row.finished_at is None

    SignInMail.objects.update(asked_at=clock.now() - timedelta(seconds=6))
    tasks.sweep_mail()

    assert len(mail.outbox) == 1


def test_sweeper_leaves_to_workers_what_was_asked_just_now(ana):
    row = left(ana)

    tasks.sweep_mail()

    row.refresh_from_db()
    assert (row.finished_at, mail.outbox) == (None, [])


def test_what_is_over_is_forgotten(ana, client_for):
    now = clock.now()
    fresh, old = left(ana), left(ana)
    SignInMail.objects.filter(pk=old.pk).update(asked_at=now - timedelta(days=8), finished_at=now)
    client_for(ana), client_for(ana)
    gone, kept = UserSession.objects.order_by("pk")
    long_ago = now - timedelta(days=8)
    UserSession.objects.filter(pk=gone.pk).update(last_seen_at=long_ago)
    Session.objects.filter(session_key=gone.session_key).update(expire_date=long_ago)

    tasks.tidy()

    assert list(SignInMail.objects.all()) == [fresh]
    assert list(UserSession.objects.all()) == [kept]
    assert Session.objects.get().session_key == kept.session_key
