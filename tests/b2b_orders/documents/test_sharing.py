"""Links that open one document without logging in: that one, for so long, and no more."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Membership, Role, StaffRole
from b2b_orders.documents.models import Document, ShareLink, State
from b2b_orders.documents.services import DocumentUnavailable
from b2b_orders.documents.sharing import (
    list_shares,
    look_at_share,
    open_share,
    revoke_share,
    share_document,
)
from erp_bridge.errors import NotFound, Unreachable
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.files import make_nfe, make_pdf
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
PDF = make_pdf()
STRANGER = Actor(address="198.51.100.7", request_id="xyz")


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


@pytest.fixture
def xml(order, source) -> Document:
    source.files["xml"] = make_nfe()
    return make_document(order, DocumentKind.NFE_XML, "xml", invoice_number="1001")


@pytest.fixture
def boleto(order, source) -> Document:
    source.files["boleto"] = PDF
    return make_document(
        order, DocumentKind.BOLETO, "boleto", invoice_number="1001", title_state="open"
    )


def share(document: Document, viewer, actor, days: int = 7, label: str = "") -> str:
    with as_web(viewer):
        return share_document(
            viewer=viewer,
            actor=actor,
            public_id=document.public_id,
            days=days,
            label=label,
            now=NOW,
        )


def anonymous():
    return tenancy.scope(role=tenancy.WEB)


def look(secret: str, now=NOW):
    with anonymous():
        return look_at_share(secret=secret, now=now)


def take(secret: str, source, now=NOW):
    with anonymous():
        return open_share(secret=secret, actor=STRANGER, source=source, now=now)


def test_a_link_opens_its_document_for_a_stranger(cast, xml, bruno, actor, source):
    secret = share(xml, bruno, actor, label="Contadora")

    found = look(secret)
    taken = take(secret, source)

    assert (found.company, found.document) == ("Alfa Distribuidora", "XML da NF-e · NF 1001")
    assert found.expires_at == NOW + timedelta(days=7)
    with taken.open() as file:
        assert file.read() == make_nfe()


def test_only_its_hash_is_kept_and_the_secret_is_long(xml, bruno, actor):
    secret = share(xml, bruno, actor)

    link = ShareLink.objects.get()
    assert len(secret) == 32
    assert link.token_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(AuditEvent.objects.values_list("detail", flat=True))


def test_taking_the_file_counts_and_is_recorded_and_looking_is_not(xml, bruno, actor, source):
    secret = share(xml, bruno, actor, label="Contadora")
    for _ in range(3):
        look(secret)
    assert ShareLink.objects.get().openings == 0

    take(secret, source)
    take(secret, source)

    link = ShareLink.objects.get()
    assert (link.openings, link.opened_at) == (2, NOW)
    lines = AuditEvent.objects.order_by("pk")
    assert [line.action for line in lines] == ["document_shared", "share_opened", "share_opened"]
    opened = lines[1]
    assert (str(opened.address), opened.person_id, opened.company_id, opened.object_id) == (
        "198.51.100.7",
        None,
        bruno.company_id,
        str(xml.public_id),
    )
    assert opened.detail["label"] == "Contadora"


def kill_expired(cast, xml, viewer, actor):
    return NOW + timedelta(days=7)


def kill_revoked(cast, xml, viewer, actor):
    with as_web(viewer):
        revoke_share(
            viewer=viewer, actor=actor, public_id=ShareLink.objects.get().public_id, now=NOW
        )


def kill_maker_removed(cast, xml, viewer, actor):
    Membership.objects.filter(person=cast.bruno).update(is_active=False)


def kill_maker_inactive(cast, xml, viewer, actor):
    type(cast.bruno).objects.filter(pk=cast.bruno.pk).update(is_active=False)


def kill_maker_of_other_branch(cast, xml, viewer, actor):
    Membership.objects.filter(person=cast.bruno).update(is_scoped=True)


def kill_company_inactive(cast, xml, viewer, actor):
    type(cast.alfa).objects.filter(pk=cast.alfa.pk).update(is_active=False)


def kill_document_gone(cast, xml, viewer, actor):
    xml.record.delete()


def kill_document_moved(cast, xml, viewer, actor):
    xml.record.company = cast.beta
    xml.record.save()


def kill_document_cancelled(cast, xml, viewer, actor):
    Document.objects.update(state=State.CANCELLED)


@pytest.mark.parametrize(
    "kill",
    [
        kill_expired,
        kill_revoked,
        kill_maker_removed,
        kill_maker_inactive,
        kill_maker_of_other_branch,
        kill_company_inactive,
        kill_document_gone,
        kill_document_moved,
        kill_document_cancelled,
    ],
    ids=lambda kill: kill.__name__[5:],
)
def test_a_dead_link_leads_nowhere(cast, xml, bruno, actor, source, kill):
    secret = share(xml, bruno, actor)
    look(secret)

    now = kill(cast, xml, bruno, actor) or NOW

    for going in (lambda: look(secret, now), lambda: take(secret, source, now)):
        with pytest.raises(NotVisible):
            going()
    assert source.asked == []


def test_a_link_of_a_boleto_dies_with_its_makers_right_to_finance(
    cast, boleto, bruno, actor, source
):
    secret = share(boleto, bruno, actor)
    Membership.objects.filter(person=cast.bruno).update(role=Role.VIEWER)

    with pytest.raises(NotVisible):
        take(secret, source)


def test_what_never_existed_costs_the_same_statements_as_what_has_ended(xml, bruno, actor, source):
    secret = share(xml, bruno, actor)
    ShareLink.objects.update(revoked_at=NOW)

    def statements(secret: str) -> list[str]:
        refused = pytest.raises(NotVisible)
        with anonymous(), CaptureQueriesContext(connection) as captured, refused:
            look_at_share(secret=secret, now=NOW)
        return [query["sql"].split("WHERE")[0] for query in captured.captured_queries]

    ended, never = statements(secret), statements("x" * 32)
    assert [len(sql) > 0 for sql in never] == [len(sql) > 0 for sql in ended]
    assert len(never) == len(ended)


def test_a_stranger_with_a_link_reaches_nothing_else(xml, boleto, bruno, actor):
    secret = share(xml, bruno, actor)

    with anonymous():
        look_at_share(secret=secret, now=NOW)
        # What the scope was opened for is closed again.
        assert ShareLink.objects.count() == 0
        assert Document.objects.count() == 0
    with anonymous():
        assert ShareLink.objects.count() == 0


def test_a_secret_shows_one_row_and_no_company(xml, boleto, bruno, actor):
    secret = share(xml, bruno, actor)
    share(boleto, bruno, actor)

    with anonymous():
        tenancy.enter_token(hashlib.sha256(secret.encode()).hexdigest())
        assert [link.document_id for link in ShareLink.objects.all()] == [xml.pk]
        assert Document.objects.count() == 0


# --- papers to pay -------------------------------------------------------------------------


def test_a_boleto_is_asked_for_again_and_never_handed_out_unchecked(boleto, bruno, actor, source):
    secret = share(boleto, bruno, actor)
    assert take(secret, source).is_checked
    later = NOW + timedelta(minutes=16)

    assert take(secret, source, later).is_checked
    assert len(source.asked) == 2
    source.files["boleto"] = Unreachable("down")

    assert take(secret, source, later + timedelta(minutes=16)) is None
    assert ShareLink.objects.get().openings == 2


@pytest.mark.parametrize(
    ("state", "words"),
    [("paid", "This has been paid: do not pay it again."), ("cancelled", "no longer due")],
)
def test_what_is_settled_is_not_handed_out_and_says_so(boleto, bruno, actor, source, state, words):
    secret = share(boleto, bruno, actor)
    Document.objects.update(title_state=state)

    assert take(secret, source) is None
    with translation.override("en"):
        assert words in look(secret).settled
    assert source.asked == []


def test_what_a_source_refuses_is_kept_in_mind(xml, bruno, actor, source):
    secret = share(xml, bruno, actor)
    source.files["xml"] = NotFound("gone")

    # Handled inside the request's scope, as the view does.
    with anonymous(), pytest.raises(DocumentUnavailable):
        open_share(secret=secret, actor=STRANGER, source=source, now=NOW)

    xml.refresh_from_db()
    assert (xml.state, xml.reason) == (State.FAILED, "not-found")
    assert ShareLink.objects.get().openings == 0
    assert AuditEvent.objects.filter(action="document_refused").count() == 1


# --- made, listed, revoked -----------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 31, -1])
def test_a_link_works_for_one_to_thirty_days(xml, bruno, actor, days):
    with pytest.raises(InvalidInput, match="days-out-of-range"):
        share(xml, bruno, actor, days=days)
    assert not ShareLink.objects.exists()


def test_nobody_shares_what_they_may_not_take(cast, xml, boleto, actor):
    carla = viewer_of(cast.alfa, cast.carla, establishment_ids=frozenset({cast.alfa_branch.pk}))
    without_finance = viewer_of(cast.alfa, cast.ana, Role.VIEWER)

    for document, viewer in (
        (xml, viewer_of(cast.beta, cast.beto)),
        (xml, carla),
        (boleto, without_finance),
    ):
        with pytest.raises(NotVisible):
            share(document, viewer, actor)


def test_staff_give_no_links_to_a_companys_documents(cast, xml, actor):
    suzana = viewer_of(cast.alfa, cast.suzana, staff_role=StaffRole.SUPPORT, acting_id=1)

    with pytest.raises(NotAllowed):
        share(xml, suzana, actor)
    with as_web(suzana):
        assert list_shares(viewer=suzana, now=NOW) == ()


def test_its_maker_and_the_administrator_revoke_it_and_nobody_else(cast, xml, bruno, actor, source):
    share(xml, bruno, actor)
    public_id = ShareLink.objects.get().public_id
    ana, beto = viewer_of(cast.alfa, cast.ana), viewer_of(cast.beta, cast.beto)
    rita = viewer_of(cast.alfa, cast.rita, Role.ADMIN)

    for viewer in (ana, beto):
        with as_web(viewer), pytest.raises(NotVisible):
            revoke_share(viewer=viewer, actor=actor, public_id=public_id, now=NOW)
    assert ShareLink.objects.get().revoked_at is None
    with as_web(rita):
        [view] = list_shares(viewer=rita, now=NOW)
        assert view.may_revoke
        revoke_share(viewer=rita, actor=actor, public_id=public_id, now=NOW)
        revoke_share(viewer=rita, actor=actor, public_id=public_id, now=NOW)

    link = ShareLink.objects.get()
    assert (link.revoked_at, link.revoked_by_id) == (NOW, cast.rita.pk)
    assert AuditEvent.objects.filter(action="share_revoked").count() == 1


def test_links_are_listed_to_who_sees_their_document(cast, xml, boleto, bruno, actor):
    share(xml, bruno, actor, label="Contadora")
    share(boleto, bruno, actor)
    without_finance = viewer_of(cast.alfa, cast.ana, Role.VIEWER)
    beto = viewer_of(cast.beta, cast.beto)

    with as_web(without_finance):
        [view] = list_shares(viewer=without_finance, now=NOW)
    assert (view.label, view.made_by, view.is_live, view.may_revoke) == (
        "Contadora",
        "Bruno",
        True,
        False,
    )
    with as_web(beto):
        assert list_shares(viewer=beto, now=NOW) == ()
    with as_web(bruno):
        assert len(list_shares(viewer=bruno, now=NOW)) == 2
        assert len(list_shares(viewer=bruno, now=NOW, document_id=xml.public_id)) == 1
