"""The command for somebody who lost phone and recovery codes."""

from __future__ import annotations

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command

from b2b_orders.accounts.models import SignInMail
from b2b_orders.audit.models import Action, AuditEvent, Incident

pytestmark = pytest.mark.django_db


def give_factors(person):
    TOTP.activate(person, "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(person)


def reset(email, reason="call 4711, id checked"):
    said = StringIO()
    call_command("reset_second_factor", email, reason=reason, stdout=said)
    return said.getvalue()


def test_second_factor_is_removed_everywhere_recorded_and_told(cast, client_for):
    give_factors(cast.suzana)
    give_factors(cast.olga)
    client = client_for(cast.suzana)

    said = reset(" Suzana@example.com ")

    assert said == "suzana@example.com: 2 removed, 1 devices logged out.\n"
    assert set(Authenticator.objects.values_list("user__email", flat=True)) == {cast.olga.email}
    assert client.get("/atendimento").status_code == 302
    event = AuditEvent.objects.get(action=Action.FACTOR_REMOVED)
    assert (event.object_id, event.reason) == (
        str(cast.suzana.public_id),
        "call 4711, id checked",
    )
    assert SignInMail.objects.get().person == cast.suzana
    alarm = Incident.objects.get()
    assert (alarm.code, alarm.person_id) == ("staff-factor-reset", cast.suzana.pk)
    assert alarm.detail == {"reason": "call 4711, id checked"}


def test_a_customers_second_factor_is_reset_without_an_alarm(cast):
    give_factors(cast.ana)

    reset("ana@example.com")

    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("email", "reason", "said"),
    [
        ("nobody@example.com", "call 4711", "Nobody logs in with nobody@example.com"),
        ("ana@example.com", "call 4711", "ana@example.com has no second factor"),
        ("suzana@example.com", " x ", "--reason: at least 5 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(cast, email, reason, said):
    give_factors(cast.suzana)

    with pytest.raises(CommandError) as error:
        reset(email, reason)

    assert str(error.value) == said
    assert Authenticator.objects.count() == 2
    assert not AuditEvent.objects.exists()
