"""Pages made of XMLs: when one is offered, how it is made once, and what ends it."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.db import connection

from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.models import Role
from b2b_orders.documents import rendering, storage
from b2b_orders.documents.drawing import EDITION, NotDrawn
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document, JobState, Origin, Rendering, State, Watch
from b2b_orders.documents.queries import count_documents, list_documents
from b2b_orders.documents.rendering import BEING_MADE, get_progress, update_rendered
from b2b_orders.documents.services import DocumentUnavailable, open_download
from b2b_orders.ingest import rendering_work, tasks
from b2b_orders.ingest.lanes import session_lock
from b2b_orders.ingest.rendering_work import run_rendering, to_do
from b2b_orders.ingest.storing import store
from b2b_orders.orders.models import SourceRecord
from erp_bridge.records import DocumentKind, DocumentRecord, InvoiceRecord
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import NOW, make_document, make_erp_record, make_order, make_reading
from tests.fiscal.nfe import build_event, build_nfe, key_of

pytestmark = pytest.mark.django_db

KEY = key_of(1001)
XML = build_nfe(1001)
PAGE = make_pdf("DANFE")
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


@dataclass
class Drawn:
    """What was asked to be drawn, and what comes of it next."""

    calls: list[tuple[str, bytes, bool, str]]
    answers: list[bytes | BaseException]


@pytest.fixture
def drawn(monkeypatch) -> Drawn:
    """Collect what is drawn, instead of a child process; an exception is raised instead."""
    calls: list[tuple[str, bytes, bool, str]] = []
    answers: list[bytes | BaseException] = []

    def draw(kind, xml, *, is_cancelled, issuer=""):
        calls.append((kind, xml, is_cancelled, issuer))
        answer = answers.pop(0) if answers else PAGE
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(rendering_work.drawing, "draw", draw)
    return Drawn(calls, answers)


def hold(content: bytes, content_type: str = "application/xml"):
    spooled = storage.Spooled(
        io.BytesIO(content), hashlib.sha256(content).hexdigest(), len(content)
    )
    return storage.keep(spooled, content_type=content_type, now=NOW)


def make_xml(order, content: bytes = XML, *, key: str = "xml", **given: object) -> Document:
    """Make a note's XML as reading leaves it."""
    facts = {"root": "nfeProc", "access_key": KEY, "item_count": 1} | given.pop("facts", {})
    values = {
        "invoice_number": "1001",
        "invoice_series": "1",
        "access_key": facts["access_key"],
        "verdict": "serve",
        "checked_at": NOW,
        "checked_for": order.company_id,
        "fetched_at": NOW,
        "file": hold(content),
        "facts": facts,
    }
    return make_document(order, DocumentKind.NFE_XML, key, **(values | given))


def make_event(order, kind: str, *, sequence: int = 1, **given: object) -> Document:
    cancels = kind == "cancelled"
    content = build_event(KEY, event_type="110111" if cancels else "110110", sequence=sequence)
    values = {
        "access_key": KEY,
        "verdict": "event_cancels" if cancels else "event_info",
        "findings": [kind],
        "checked_at": NOW,
        "checked_for": order.company_id,
        "file": hold(content),
        "facts": {"root": "procEventoNFe", "access_key": KEY, "sequence": sequence},
    }
    key = f"{kind}-{sequence}"
    return make_document(order, DocumentKind.EVENT_XML, key, **(values | given))


def offered(order, now=NOW) -> list[Document]:
    update_rendered(order_ids=[order.pk], now=now)
    return list(Document.objects.filter(origin=Origin.RENDERED).order_by("pk"))


def work(now=NOW) -> list[JobState | None]:
    """Make all that is asked for, as the workers do."""
    waiting = [*to_do(is_urgent=True), *to_do(is_urgent=False)]
    return [run_rendering(rendering_id=pk, clock=lambda: now) for pk in waiting]


def take(document: Document, viewer, actor, source, now=NOW):
    with as_web(viewer):
        try:
            return open_download(
                viewer=viewer, actor=actor, public_id=document.public_id, source=source, now=now
            )
        except DocumentUnavailable as error:
            return error.reason


# --- offering -----------------------------------------------------------------------------


def test_a_checked_xml_brings_a_danfe_that_says_it_is_ours(order, bruno):
    xml = make_xml(order)

    (danfe,) = offered(order)

    assert (danfe.kind, danfe.state, danfe.made_from_id) == ("danfe", "available", xml.pk)
    assert (danfe.company_id, danfe.record_id) == (xml.company_id, xml.record_id)
    with as_web(bruno):
        rows = {r.kind: r for r in list_documents(viewer=bruno, order_id=order.pk)}
    assert rows["danfe"].filename == "DANFE-1001-1-gerada-do-XML.pdf"
    assert (rows["danfe"].origin, rows["danfe"].made_from) == ("rendered", xml.public_id)
    assert rows["nfe_xml"].origin == "source"


def test_looking_again_and_two_files_of_one_note_change_nothing(order):
    make_xml(order)
    make_xml(order, key="same-note")
    first = offered(order)

    again = offered(order, LATER)

    assert [(d.pk, d.state_since) for d in again] == [(d.pk, NOW) for d in first]
    assert len(first) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"verdict": "refuse"},
        {"verdict": "policy"},
        {"verdict": ""},
        {"checked_at": None},
        {"checked_for": 0},
        {"file": None},
        {"facts": {"root": "NFSe"}},
        {"facts": {"access_key": key_of(1001, model="65")}},
        {"origin": Origin.RULE},
    ],
)
def test_nothing_is_made_of_what_did_not_pass_or_has_no_such_page(order, given):
    make_xml(order, **given)

    assert offered(order) == []


def test_an_xml_too_large_to_draw_is_not_offered(order):
    make_xml(order, XML + b" " * 2_000_000)

    assert offered(order) == []


@pytest.mark.parametrize(
    ("fields", "is_own"),
    [
        ({"invoice_number": "1001", "invoice_series": "1"}, True),
        ({"invoice_number": "1001"}, True),
        ({"access_key": KEY}, True),
        ({}, True),
        ({"invoice_number": "1001", "invoice_series": "2"}, False),
        ({"invoice_number": "1002", "invoice_series": "1"}, False),
        ({"access_key": key_of(1002)}, False),
        ({"invoice_number": "1001", "state": State.DAMAGED}, False),
        ({"invoice_number": "1001", "state": State.FAILED}, False),
        ({"invoice_number": "1001", "state": State.EXPECTED, "origin": Origin.RULE}, False),
    ],
)
def test_the_sources_own_danfe_wins_and_only_a_right_one(order, bruno, fields, is_own):
    make_xml(order)
    make_document(order, **fields)

    (danfe,) = offered(order)

    assert danfe.state == ("replaced" if is_own else "available")
    with as_web(bruno):
        listed = list_documents(viewer=bruno, order_id=order.pk)
        counted = count_documents(viewer=bruno, order_ids=[order.pk])
    assert ("rendered" in {row.origin for row in listed}) is not is_own
    # What was only waited for is not waited for beside ours.
    assert counted[order.pk][1] == (2 if is_own or "origin" in fields else 3)


def test_the_sources_own_danfe_wins_as_soon_as_it_comes_and_yields_when_damaged(order):
    make_xml(order)
    assert [d.state for d in offered(order)] == ["available"]

    own = make_document(order, invoice_number="1001")
    (replaced,) = offered(order, LATER)
    assert (replaced.state, replaced.replaced_by, replaced.state_since) == (
        "replaced",
        own.key,
        LATER,
    )
    Document.objects.filter(pk=own.pk).update(state=State.DAMAGED)

    assert [(d.state, d.replaced_by) for d in offered(order)] == [("available", own.key)]


def test_an_xml_that_is_refused_later_takes_its_danfe_with_it(order, bruno, actor, source):
    xml = make_xml(order)
    (danfe,) = offered(order)
    Document.objects.filter(pk=xml.pk).update(verdict="refuse")

    # At once, before any worker has looked.
    assert take(danfe, bruno, actor, source) == "render-xml-gone"
    assert [d.state for d in offered(order)] == ["not_applicable"]


def test_what_a_source_lists_leaves_our_pages_alone(order):
    make_xml(order)
    (danfe,) = offered(order)
    record = order.records.get()
    listed = DocumentRecord("xml", DocumentKind.NFE_XML, "XML", "1001", "1")

    record_listings(listings=[Listing(record.pk, record.company_id, (listed,))], now=LATER)

    danfe.refresh_from_db()
    assert (danfe.state, danfe.reason) == ("available", "")


def test_letters_of_correction_and_freight_notes_get_their_pages(order, drawn, bruno):
    make_xml(order, facts={"emitter": {"name": "VENDEDORA LTDA"}})
    make_event(order, "correction_letter", sequence=2)
    make_document(
        order,
        DocumentKind.OTHER,
        "cte",
        access_key=key_of(31245, model="57"),
        verdict="serve",
        checked_at=NOW,
        checked_for=order.company_id,
        file=hold(b"<cteProc/>"),
        facts={"root": "cteProc"},
    )

    kinds = [(d.kind, d.invoice_number, d.instalment) for d in offered(order)]
    work()

    assert kinds == [("danfe", "1001", ""), ("cce", "1001", "2"), ("dacte", "31245", "")]
    assert sorted((kind, issuer) for kind, _, _, issuer in drawn.calls) == [
        ("cce", "VENDEDORA LTDA"),
        ("dacte", ""),
        ("danfe", ""),
    ]
    with as_web(bruno):
        names = {row.filename for row in list_documents(viewer=bruno, order_id=order.pk)}
    assert names >= {
        "CCe-1001-1-2-gerada-do-XML.pdf",
        "DACTE-31245-1-gerado-do-XML.pdf",
        "DANFE-1001-1-gerada-do-XML.pdf",
    }


def test_a_cancellation_is_not_a_letter(order):
    make_event(order, "cancelled")

    assert offered(order) == []


def test_the_frequent_look_finds_orders_where_something_became_of_a_file(cast, order):
    make_xml(order)
    make_order(cast.alfa, establishment=cast.alfa_main)
    long_ago = NOW - timedelta(hours=1)
    Document.objects.update(checked_at=long_ago, state_since=long_ago)
    assert rendering_work.update_orders(since=NOW - timedelta(minutes=5), now=NOW) == 0

    make_document(order, invoice_number="9")
    assert rendering_work.update_orders(since=NOW - timedelta(minutes=5), now=NOW) == 1
    assert Document.objects.filter(origin=Origin.RENDERED).count() == 1


def test_the_long_look_finds_joined_orders_and_goes_on_to_the_last(cast, monkeypatch):
    monkeypatch.setattr(rendering_work, "_ORDERS_AT_ONCE", 2)
    long_ago = NOW - timedelta(days=9)
    for _ in range(5):
        order = make_order(cast.alfa, establishment=cast.alfa_main, changed_at=NOW)
        make_xml(order)
    untouched = make_order(cast.alfa, establishment=cast.alfa_main, changed_at=long_ago)
    make_xml(untouched)
    Document.objects.update(checked_at=long_ago, state_since=long_ago)
    since = NOW - timedelta(hours=25)

    assert rendering_work.update_orders(since=since, now=NOW) == 0
    assert rendering_work.update_orders(since=since, now=NOW, with_joined=True) == 5
    assert Document.objects.filter(origin=Origin.RENDERED).count() == 5


# --- making and handing out ---------------------------------------------------------------


def test_small_notes_are_drawn_ahead_and_handed_out_at_once(order, drawn, bruno, actor, source):
    make_xml(order)
    (danfe,) = offered(order)

    assert work() == [JobState.DONE]
    taken = take(danfe, bruno, actor, source)

    with taken.open() as file:
        assert file.read() == PAGE
    assert (taken.filename, taken.content_type) == (
        "DANFE-1001-1-gerada-do-XML.pdf",
        "application/pdf",
    )
    assert taken.is_checked is True
    assert drawn.calls == [("danfe", XML, False, "")]
    row = Rendering.objects.get()
    assert row.key == f"{hashlib.sha256(XML).hexdigest()}:{EDITION}:danfe:valid"
    assert source.asked == []
    line = AuditEvent.objects.get()
    assert (line.action, line.object_id, line.detail["kind"]) == (
        "document_downloaded",
        str(danfe.public_id),
        "danfe",
    )


@pytest.mark.parametrize("facts", [{"item_count": 61}, {"item_count": None}])
def test_long_notes_are_drawn_when_somebody_asks(order, drawn, bruno, actor, source, facts):
    make_xml(order, facts=facts)
    (danfe,) = offered(order)
    assert work() == []

    assert take(danfe, bruno, actor, source) == BEING_MADE
    assert AuditEvent.objects.count() == 0
    assert work() == [JobState.DONE]

    assert take(danfe, bruno, actor, source).sha256 == hashlib.sha256(PAGE).hexdigest()


def test_many_clicks_at_once_are_drawn_once(order, drawn, bruno, actor, source):
    make_xml(order, facts={"item_count": 500})
    (danfe,) = offered(order)

    assert [take(danfe, bruno, actor, source) for _ in range(5)] == [BEING_MADE] * 5

    row = Rendering.objects.get()
    assert (row.is_urgent, row.state) == (True, JobState.WAITING)
    assert work() == [JobState.DONE]
    assert len(drawn.calls) == 1


def test_a_click_on_what_waits_to_be_drawn_ahead_makes_it_urgent(order, bruno, actor, source):
    make_xml(order)
    (danfe,) = offered(order)
    assert to_do(is_urgent=True) == []

    take(danfe, bruno, actor, source)

    assert to_do(is_urgent=True) == [Rendering.objects.get().pk]


def test_the_same_xml_of_two_records_is_drawn_once(cast, order, drawn):
    make_xml(order)
    other = make_order(cast.alfa, establishment=cast.alfa_main)
    make_xml(other)
    offered(order)
    offered(other)

    assert work() == [JobState.DONE] * 2
    assert len(drawn.calls) == 1


def test_lost_bytes_are_drawn_again(order, drawn, bruno, actor, source):
    make_xml(order)
    (danfe,) = offered(order)
    work()
    sha256 = hashlib.sha256(PAGE).hexdigest()
    storages["documents"].delete(f"{sha256[:2]}/{sha256}")

    assert take(danfe, bruno, actor, source) == BEING_MADE
    assert work() == [JobState.DONE]
    assert take(danfe, bruno, actor, source).sha256 == sha256


# --- cancellation -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["event", "inside", "state"])
def test_a_note_known_as_cancelled_is_drawn_so(order, drawn, how):
    given = {
        "event": {},
        "inside": {"verdict": "warn", "findings": ["cancelled"]},
        "state": {"state": State.CANCELLED},
    }[how]
    make_xml(order, **given)
    if how == "event":
        make_event(order, "cancelled")

    offered(order)
    work()

    assert [call[2] for call in drawn.calls] == [True]


def test_the_page_from_before_the_cancellation_is_never_handed_out_again(
    order, drawn, bruno, actor, source
):
    make_xml(order)
    (danfe,) = offered(order)
    work()
    make_event(order, "cancelled")

    # At once, before any worker has looked.
    assert take(danfe, bruno, actor, source) == BEING_MADE
    (danfe,) = offered(order, LATER)
    assert danfe.file is None
    drawn.answers.append(make_pdf("CANCELADA"))
    work()

    taken = take(danfe, bruno, actor, source)
    with taken.open() as file:
        assert file.read() == make_pdf("CANCELADA")
    assert [call[2] for call in drawn.calls] == [False, True]


def test_the_page_of_a_cancelled_note_is_marked_and_can_still_be_had(
    order, drawn, bruno, actor, source
):
    make_xml(order)
    (danfe,) = offered(order)
    work()
    make_event(order, "cancelled")

    (danfe,) = offered(order, LATER)

    assert (danfe.state, danfe.reason) == ("cancelled", "invoice-cancelled")
    assert danfe.state_since == LATER
    with as_web(bruno):
        listed = {r.public_id: r.state for r in list_documents(viewer=bruno, order_id=order.pk)}
    assert listed[danfe.public_id] == "cancelled"
    assert take(danfe, bruno, actor, source) == BEING_MADE
    work()
    assert take(danfe, bruno, actor, source).content_type == "application/pdf"
    # Looking again is no news.
    assert offered(order, LATER + timedelta(minutes=1))[0].state_since == LATER


def test_a_note_cancelled_while_its_page_waits_is_drawn_as_cancelled(order, drawn):
    make_xml(order)
    offered(order)
    make_event(order, "cancelled")

    assert work() == [JobState.WAITING]
    assert work() == [JobState.DONE]
    assert [call[2] for call in drawn.calls] == [True]


def test_another_companys_cancellation_says_nothing_of_ours(cast, order, drawn):
    make_xml(order)
    make_event(make_order(cast.beta), "cancelled")

    offered(order)
    work()

    assert [call[2] for call in drawn.calls] == [False]


# --- failing ------------------------------------------------------------------------------


def test_a_page_that_cannot_be_drawn_says_why_and_operations_hear_of_it(
    order, drawn, bruno, actor, source
):
    make_xml(order)
    (danfe,) = offered(order)
    drawn.answers.append(NotDrawn("render-characters", "FPDFUnicodeEncodingException"))

    assert work() == [JobState.FAILED]
    assert take(danfe, bruno, actor, source) == "render-characters"

    (danfe,) = offered(order, LATER)
    assert (danfe.state, danfe.reason) == ("failed", "render-characters")
    incident = Incident.objects.get()
    assert (incident.code, incident.object_id) == ("rendering-failed", str(danfe.public_id))
    assert incident.detail["reason"] == "render-characters"
    assert work() == []
    assert len(drawn.calls) == 1
    assert [line.action for line in AuditEvent.objects.all()] == ["document_refused"]


def test_a_poisonous_xml_is_given_up_after_two_tries(order, drawn):
    make_xml(order)
    offered(order)
    drawn.answers += [NotDrawn("render-time")] * 5

    assert [work(), work(), work()] == [[JobState.WAITING], [JobState.FAILED], []]
    assert (len(drawn.calls), Rendering.objects.get().reason) == (2, "render-time")


def test_one_bad_moment_is_no_failure(order, drawn, bruno, actor, source):
    make_xml(order)
    (danfe,) = offered(order)
    drawn.answers += [NotDrawn("render-memory"), PAGE]

    assert [work(), work()] == [[JobState.WAITING], [JobState.DONE]]
    assert take(danfe, bruno, actor, source).size == len(PAGE)


class Killed(BaseException):
    """What a worker that is killed never gets to handle."""


def test_a_killed_workers_page_is_taken_up_again_but_not_for_ever(order, drawn):
    make_xml(order)
    offered(order)
    drawn.answers += [Killed(), Killed()]
    for _ in range(2):
        with pytest.raises(Killed):
            work()
        assert Rendering.objects.get().state == JobState.RUNNING

    assert work() == [JobState.FAILED]
    assert Rendering.objects.get().reason == "render-gave-up"
    assert len(drawn.calls) == 2


def test_bytes_that_are_not_those_that_were_checked_are_not_drawn(order, drawn):
    xml = make_xml(order)
    offered(order)
    name = f"{xml.file_id[:2]}/{xml.file_id}"
    with storages["documents"].open(name, "wb") as file:
        file.write(XML.replace(b"100", b"900"))

    assert work() == [JobState.FAILED]
    assert (drawn.calls, Rendering.objects.get().reason) == ([], "render-xml-gone")
    assert not storage.is_held(xml.file)


def test_a_page_whose_xml_was_lost_is_drawn_once_it_is_back(order, drawn, bruno, actor, source):
    xml = make_xml(order)
    (danfe,) = offered(order)
    storages["documents"].delete(f"{xml.file_id[:2]}/{xml.file_id}")
    assert work() == [JobState.FAILED]
    assert take(danfe, bruno, actor, source) == "render-xml-gone"

    hold(XML)

    assert take(danfe, bruno, actor, source) == BEING_MADE
    assert work() == [JobState.DONE]
    assert take(danfe, bruno, actor, source).size == len(PAGE)


# --- whose --------------------------------------------------------------------------------


def test_nobody_sees_or_takes_a_page_that_is_not_theirs(cast, order, drawn, actor, source):
    make_xml(order)
    (danfe,) = offered(order)
    work()
    strangers = [
        viewer_of(cast.beta, cast.beto),
        viewer_of(cast.alfa, cast.ana, rights=frozenset()),
        viewer_of(cast.alfa, cast.carla, establishment_ids=frozenset({cast.alfa_branch.pk})),
    ]

    for viewer in strangers:
        with as_web(viewer):
            with pytest.raises(NotVisible):
                get_progress(viewer=viewer, public_id=danfe.public_id, now=NOW)
            with pytest.raises(NotVisible):
                open_download(
                    viewer=viewer, actor=actor, public_id=danfe.public_id, source=source, now=NOW
                )
    with as_web(strangers[0]):
        assert Rendering.objects.count() == 0
    assert take(danfe, viewer_of(cast.alfa, cast.ana, Role.VIEWER), actor, source).size


def test_a_document_that_goes_to_another_company_leaves_its_renderings(cast, order, drawn):
    make_xml(order)
    (danfe,) = offered(order)
    work()

    SourceRecord.objects.filter(order=order).update(company=cast.beta)

    danfe.refresh_from_db()
    assert danfe.company_id == cast.beta.pk
    assert Rendering.objects.count() == 0


def test_progress_tells_waiting_ready_and_failed(order, drawn, bruno):
    xml = make_xml(order, facts={"item_count": 99})
    (danfe,) = offered(order)

    def progress():
        with as_web(bruno):
            found = get_progress(viewer=bruno, public_id=danfe.public_id, now=NOW)
        assert (found.kind, found.invoice_number, found.xml) == ("danfe", "1001", xml.public_id)
        return found.is_ready, found.problem

    # Whoever looks has it made: nobody waits in vain.
    assert progress() == (False, "")
    work()
    assert progress() == (True, "")
    Rendering.objects.update(state=JobState.FAILED, reason="render-time", file=None)
    assert progress() == (False, "render-time")


# --- workers ------------------------------------------------------------------------------


def test_beat_finds_what_is_to_be_offered_and_made(order, drawn, monkeypatch, time_machine):
    time_machine.move_to(NOW, tick=False)
    sent: list[tuple[str, dict[str, int]]] = []
    monkeypatch.setattr(
        tasks.waking, "send", lambda name, *, expires, **kwargs: sent.append((name, kwargs))
    )
    make_xml(order)

    tasks.render_ahead()
    assert Rendering.objects.get().state == JobState.DONE

    Rendering.objects.update(state=JobState.WAITING, is_urgent=True, file=None)
    tasks.sweep_renderings()
    assert sent == [("ingest.run_rendering", {"rendering_id": Rendering.objects.get().pk})]
    tasks.run_rendering(rendering_id=Rendering.objects.get().pk)
    assert Rendering.objects.get().state == JobState.DONE


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_not_make_the_same_page(cast, drawn):
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    make_xml(order)
    offered(order)
    row = Rendering.objects.get()
    results: list[object] = []

    def other_worker():
        try:
            results.append(to_do(is_urgent=False))
            results.append(run_rendering(rendering_id=row.pk, clock=lambda: NOW))
            results.append(rendering_work.render_ahead(clock=lambda: NOW))
        finally:
            connection.close()

    with session_lock(rendering_work._LOCK, row.pk):
        thread = threading.Thread(target=other_worker)
        thread.start()
        thread.join()

    assert (results, drawn.calls) == ([[], None, 0], [])
    assert rendering_work.render_ahead(clock=lambda: NOW) == 1


def test_a_real_page_is_drawn_from_offer_to_download(order, bruno, actor, source):
    make_xml(order)
    (danfe,) = offered(order)

    assert work() == [JobState.DONE]

    with take(danfe, bruno, actor, source).open() as file:
        assert file.read(5) == b"%PDF-"


def test_after_a_check_its_pages_are_offered_at_once(order):
    xml = make_xml(order)

    rendering_work.after_check(document_id=xml.pk, now=NOW)

    assert Document.objects.filter(origin=Origin.RENDERED, made_from=xml).count() == 1


@pytest.mark.usefixtures("document_rules")
def test_a_page_of_ours_is_what_was_waited_for_and_gone_it_is_waited_for_again(cast):
    listing = (DocumentRecord("xml", DocumentKind.NFE_XML, invoice_number="1001"),)
    invoices = (InvoiceRecord("1001", "1", KEY),)
    record = make_erp_record(invoices=invoices, documents=listing)
    store(
        connection="erp",
        readings=[make_reading(record, NOW)],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    xml = Document.objects.get(kind="nfe_xml")
    order_id = xml.record.order_id
    waited = Document.objects.get(kind="danfe", origin=Origin.RULE)
    watch = Watch.objects.create(
        document=waited, company=cast.alfa, person=cast.bruno, asked_at=NOW
    )
    facts = {"root": "nfeProc", "access_key": KEY, "item_count": 1}
    right = {"verdict": "serve", "checked_at": NOW, "checked_for": cast.alfa.pk, "facts": facts}
    Document.objects.filter(pk=xml.pk).update(access_key=KEY, file=hold(XML), **right)

    update_rendered(order_ids=[order_id], now=LATER)

    made = Document.objects.get(kind="danfe")
    watch.refresh_from_db()
    assert (made.origin, made.state, watch.document_id) == ("rendered", "available", made.pk)
    # At its next check the XML turns out to be another company's.
    Document.objects.filter(pk=xml.pk).update(verdict="refuse", state=State.DAMAGED)
    update_rendered(order_ids=[order_id], now=LATER)
    found = Document.objects.filter(kind="danfe").values_list("origin", "state")
    assert set(found) == {("rendered", "not_applicable"), ("rule", "expected")}


def test_an_edition_of_the_library_makes_its_own_pages(
    order, drawn, monkeypatch, bruno, actor, source
):
    make_xml(order)
    (danfe,) = offered(order)
    work()

    monkeypatch.setattr(rendering, "EDITION", "9.9.9-1")
    # No rush to draw all of history anew: whoever asks gets the new page.
    offered(order, LATER)
    assert work() == []
    assert take(danfe, bruno, actor, source) == BEING_MADE
    assert work() == [JobState.DONE]
