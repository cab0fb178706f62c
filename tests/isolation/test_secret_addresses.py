"""What opens without logging in: its secret shows one row, and lets nobody write or read more."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from b2b_orders.common import tenancy
from b2b_orders.documents.models import CalendarFeed, Document, ShareLink
from b2b_orders.orders.models import Order
from b2b_orders.portal.views import shares
from erp_bridge.errors import Unreachable
from erp_bridge.records import DocumentKind
from tests.factories import NOW, make_document, make_order

SECRET = "s" * 32
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.fixture
def link(cast) -> ShareLink:
    document = make_document(make_order(cast.alfa), DocumentKind.DANFE)
    return ShareLink.objects.create(
        company=cast.alfa,
        document=document,
        person=cast.ana,
        token_hash=HASH,
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
    )


@pytest.fixture
def feed(cast) -> CalendarFeed:
    return CalendarFeed.objects.create(
        company=cast.alfa, person=cast.ana, token_hash=HASH, created_at=NOW
    )


def test_a_secret_shows_its_row_and_nothing_that_it_names(cast, link, feed):
    with tenancy.scope(role=tenancy.WEB):
        tenancy.enter_token(HASH)
        assert [each.pk for each in ShareLink.objects.all()] == [link.pk]
        assert [each.pk for each in CalendarFeed.objects.all()] == [feed.pk]
        assert (Document.objects.count(), Order.objects.count()) == (0, 0)


@pytest.mark.parametrize("company", [None, "beta"])
def test_a_secret_alone_changes_and_deletes_nothing(cast, link, feed, company):
    company_id = getattr(cast, company).pk if company else None
    with tenancy.scope(role=tenancy.WEB, company_id=company_id):
        tenancy.enter_token(HASH)
        changed = [
            ShareLink.objects.update(expires_at=NOW, company=cast.beta),
            CalendarFeed.objects.update(times_read=9, company=cast.beta),
            CalendarFeed.objects.all()._raw_delete("default"),
        ]
    assert changed == [0, 0, 0]
    link.refresh_from_db()
    assert (link.company_id, CalendarFeed.objects.get().times_read) == (cast.alfa.pk, 0)


def test_a_row_with_a_known_secret_is_not_planted_in_another_company(cast, link):
    planted = ShareLink(
        company=cast.alfa,
        document=link.document,
        person=cast.ana,
        token_hash="t" * 64,
        created_at=NOW,
        expires_at=NOW,
    )
    with tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk):
        tenancy.enter_token("t" * 64)
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            planted.save()


@pytest.mark.parametrize("name", [None, "beto", "ana"])
def test_a_shared_document_opens_alike_whoever_is_logged_in(cast, link, client, client_for, name):
    browser = client_for(getattr(cast, name)) if name else client
    response = browser.get(f"/d/{SECRET}")

    assert response.status_code == 200
    assert "Alfa Distribuidora" in response.content.decode()
    assert response["Cache-Control"] == "private, no-store"
    # Nothing of who happens to be logged in, and no way into their pages.
    for word in ("Beto", "Ana", "Beta Com", "/pedidos"):
        assert word not in response.content.decode()


class Waits:
    """A source that notes whether a transaction is open while it is asked."""

    def __init__(self) -> None:
        self.in_transaction: list[bool] = []

    def accepts_branches(self, _connection: str) -> bool:
        return False

    def open(self, *_args: object) -> None:
        with tenancy.leave():
            self.in_transaction.append(connection.in_atomic_block)
        raise Unreachable("down")


@pytest.mark.django_db(transaction=True)
def test_a_source_that_a_stranger_waits_for_holds_no_transaction(
    cast, link, client, client_for, monkeypatch
):
    source = Waits()
    monkeypatch.setattr(shares, "ConnectionDocuments", lambda: source)

    for browser in (client, client_for(cast.beto)):
        response = browser.get(f"/d/{SECRET}/arquivo")
        assert response.status_code == 424
        assert response["Cache-Control"] == "private, no-store"

    assert source.in_transaction == [False, False]
    assert connection.in_atomic_block is False
