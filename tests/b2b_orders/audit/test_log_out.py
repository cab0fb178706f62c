"""The command for a device or an account that is in the wrong hands."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.audit.models import Action, AuditEvent
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def log_out(email, reason="call 4711, phone stolen", **options):
    said = StringIO()
    call_command("log_out", email, reason=reason, stdout=said, **options)
    return said.getvalue()


def log_in(client, email):
    return client.post("/accounts/login/", {"login": email, "password": PASSWORD})


def test_every_device_is_out_at_its_next_request_and_the_person_comes_in_again(cast, client_for):
    devices = [client_for(cast.ana), client_for(cast.ana)]
    of_bruno = client_for(cast.bruno)

    assert log_out(" Ana@example.com ") == "ana@example.com: 2 devices logged out.\n"

    assert [device.get("/pedidos").status_code for device in devices] == [302, 302]
    assert devices[0].get("/api/v1/orders").status_code == 401
    assert of_bruno.get("/pedidos").status_code == 200
    event = AuditEvent.objects.get(action=Action.SESSION_ENDED)
    assert (event.object_id, event.reason) == (str(cast.ana.public_id), "call 4711, phone stolen")
    assert event.detail == {"how": "command", "sessions": 2, "account": ""}
    assert log_in(devices[0], cast.ana.email)["Location"] == "/"


def test_a_locked_account_opens_to_nobody_until_it_is_opened_again(cast, client_for, client):
    device = client_for(cast.ana)

    assert log_out(cast.ana.email, lock=True) == "ana@example.com: 1 devices logged out, locked.\n"

    assert device.get("/pedidos").status_code == 302
    log_in(client, cast.ana.email)
    assert "_auth_user_id" not in client.session
    assert AuditEvent.objects.get(action=Action.SESSION_ENDED).detail["account"] == "lock"

    assert log_out(cast.ana.email, unlock=True).endswith("logged out, unlocked.\n")

    assert log_in(client, cast.ana.email)["Location"] == "/"
    assert client.get("/pedidos").status_code == 200


@pytest.mark.parametrize(
    ("email", "reason", "said"),
    [
        ("nobody@example.com", "call 4711", "Nobody logs in with nobody@example.com"),
        ("ana@example.com", " x ", "--reason: at least 5 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(cast, client_for, email, reason, said):
    device = client_for(cast.ana)

    with pytest.raises(CommandError) as error:
        log_out(email, reason, lock=True)

    assert str(error.value) == said
    assert device.get("/pedidos").status_code == 200
    assert not AuditEvent.objects.filter(action=Action.SESSION_ENDED).exists()
