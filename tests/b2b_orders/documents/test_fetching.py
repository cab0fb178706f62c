"""Getting a file from its source: once, checked, with what reading it found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import IO

import psycopg
import pytest
from django.core.files.storage import storages
from django.db import connection

from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.common import tenancy
from b2b_orders.companies.models import Establishment
from b2b_orders.documents import fetching, storage
from b2b_orders.documents.checks import Format, Verdict
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document, Origin, State, StoredFile
from b2b_orders.documents.services import DocumentUnavailable
from erp_bridge.errors import SourceFailing, Unreachable
from erp_bridge.records import DocumentKind, DocumentRecord
from tests.b2b_orders.documents.conftest import FakeSource, dsn, viewer_of
from tests.b2b_orders.documents.files import HTML, action, make_nfe, make_pdf
from tests.b2b_orders.documents.test_download import content_of, refused, take
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db

PDF = make_pdf()
LARGE = b"".join(b"%d;%d\n" % (number, number * 7) for number in range(150_000))
LATER = NOW + timedelta(minutes=16)
OTHER_BRANCH = "12345678000357"


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


def reads(monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> None:
    monkeypatch.setattr(fetching, "check", lambda kind, file, whose: verdict)


# --- what reading found -------------------------------------------------------------------


def test_what_reading_found_is_kept_with_the_document(order, bruno, actor, source, monkeypatch):
    document = make_document(order, DocumentKind.OTHER, "cte", title="CT-e")
    source.files["cte"] = b"<cteProc/>"
    facts = {"number": "77", "total": "12.50"}
    verdict = Verdict(
        Format.XML,
        access_key="3" * 44,
        verdict="warn",
        reasons=("expired-certificate",),
        signature="valid",
        kind=DocumentKind.CTE_XML,
        facts=MappingProxyType(facts),
    )
    reads(monkeypatch, verdict)

    download = take(document, bruno, actor, source)

    assert download.warnings == ("expired-certificate",)
    document.refresh_from_db()
    assert (document.kind, document.access_key) == ("cte_xml", "3" * 44)
    assert (document.verdict, document.findings) == ("warn", ["expired-certificate"])
    assert (document.signature, document.facts) == ("valid", facts)
    assert (document.checked_at, document.checked_for) == (NOW, order.company_id)
    assert (document.tries, document.failures, document.problem) == (1, 0, "")
    # Its source goes on listing it as something of no kind.
    record = DocumentRecord(key="cte", kind=DocumentKind.OTHER, title="CT-e")
    listing = Listing(document.record_id, order.company_id, (record,))
    record_listings(listings=[listing], now=LATER)
    document.refresh_from_db()
    assert document.kind == "cte_xml"


def test_a_right_file_warns_of_nothing(order, bruno, actor, source):
    source.files["danfe-1"] = PDF

    assert take(make_document(order), bruno, actor, source).warnings == ()


def test_a_file_wrapped_in_base64_is_kept_and_handed_out_unwrapped(
    order, bruno, actor, source, monkeypatch
):
    document = make_document(order)
    source.files["danfe-1"] = b"JVBERi0="
    reads(monkeypatch, Verdict(Format.PDF, decoded=PDF))

    download = take(document, bruno, actor, source)

    assert (content_of(download), download.size) == (PDF, len(PDF))
    assert download.content_type == "application/pdf"
    assert [row.size for row in StoredFile.objects.all()] == [len(PDF)]


def test_active_content_is_refused_or_handed_out_with_a_warning(
    order, bruno, actor, source, settings
):
    document = make_document(order)
    source.files["danfe-1"] = make_pdf(OpenAction=action("JavaScript"))

    assert refused(document, bruno, actor, source).reason == "active-content"
    assert StoredFile.objects.count() == 0

    settings.PORTAL_ACTIVE_CONTENT = "warn"
    download = take(document, bruno, actor, source, LATER)

    assert (download.warnings, content_of(download)) == (
        ("active_javascript",),
        source.files["danfe-1"],
    )
    document.refresh_from_db()
    assert (document.state, document.findings) == (State.AVAILABLE, ["active_javascript"])
    # Also once it is held.
    assert take(document, bruno, actor, source, LATER).warnings == ("active_javascript",)


def test_a_page_of_our_own_making_is_not_asked_for_at_the_source(order, bruno, actor, source):
    document = make_document(order, origin=Origin.RENDERED)

    assert refused(document, bruno, actor, source).reason == "render-xml-gone"
    assert source.asked == []


# --- whose ----------------------------------------------------------------------------------


@pytest.mark.parametrize("with_branches", [False, True])
def test_an_invoice_to_an_unknown_branch_is_the_companys_only_where_operations_say_so(
    order, bruno, actor, source, with_branches
):
    document = make_document(order, DocumentKind.NFE_XML, "xml")
    source.files["xml"] = make_nfe(recipient=OTHER_BRANCH)
    source.with_branches = with_branches

    if with_branches:
        assert content_of(take(document, bruno, actor, source)) == source.files["xml"]
    else:
        reason = refused(document, bruno, actor, source).reason
        assert reason == "document-of-another-branch"
        assert Incident.objects.get().code == "document-of-another-branch"


def test_a_company_of_another_root_is_a_stranger_whatever_operations_say(
    order, bruno, actor, source
):
    document = make_document(order, DocumentKind.NFE_XML, "xml")
    source.files["xml"] = make_nfe(recipient="12345679000195")
    source.with_branches = True

    assert refused(document, bruno, actor, source).reason == "document-of-another-company"


def test_bytes_held_for_their_company_are_not_handed_to_another(cast, order, bruno, actor, source):
    own = make_document(order, DocumentKind.NFE_XML, "xml")
    source.files["xml"] = make_nfe()
    sha256 = take(own, bruno, actor, source).sha256
    theirs = make_document(make_order(cast.beta), DocumentKind.NFE_XML, "xml")
    beto = viewer_of(cast.beta, cast.beto)

    for _ in range(2):
        error = refused(theirs, beto, replace(actor, person_id=beto.person_id), source)
        assert (error.reason, error.is_damaged) == ("document-of-another-company", True)

    theirs.refresh_from_db()
    assert (theirs.file_id, theirs.fetched_at, theirs.facts) == (None, None, {})
    assert (theirs.verdict, theirs.findings) == ("refuse", ["document-of-another-company"])
    incident = Incident.objects.get()
    assert (incident.code, incident.company_id) == (
        "document-of-another-company",
        cast.beta.pk,
    )
    refusals = AuditEvent.objects.filter(action="document_refused", company=cast.beta)
    assert [line.detail["problem"] for line in refusals] == ["document-of-another-company"] * 2
    assert take(own, bruno, actor, source).sha256 == sha256


def test_an_order_given_to_another_company_does_not_take_its_invoice_along(
    cast, order, bruno, actor, source
):
    document = make_document(order, DocumentKind.NFE_XML, "xml")
    source.files["xml"] = make_nfe()
    take(document, bruno, actor, source)
    order.records.update(company=cast.beta)
    Document.objects.update(company=cast.beta)
    order.company, order.establishment = cast.beta, cast.beta_main
    order.save()
    beto = viewer_of(cast.beta, cast.beto)

    error = refused(document, beto, replace(actor, person_id=beto.person_id), source, LATER)

    assert error.reason == "document-of-another-company"
    document.refresh_from_db()
    assert (document.file_id, document.state, document.access_key) == (None, State.DAMAGED, "")
    # Whoever learned of its facts hears that it was checked anew, and that there are none.
    assert (document.facts, document.checked_at) == ({}, LATER)
    assert (document.verdict, document.findings) == ("refuse", ["document-of-another-company"])
    assert Incident.objects.get().company_id == cast.beta.pk
    assert len(source.asked) == 1


def test_an_xml_fetched_before_it_was_noted_for_whom_is_checked_once_more(
    order, bruno, actor, source
):
    document = make_document(order, DocumentKind.NFE_XML, "xml")
    source.files["xml"] = make_nfe()
    take(document, bruno, actor, source)
    Document.objects.update(checked_for=None)

    assert content_of(take(document, bruno, actor, source)) == source.files["xml"]
    document.refresh_from_db()
    assert document.checked_for == order.company_id

    Document.objects.update(checked_for=None)
    Establishment.objects.filter(company=order.company).delete()
    assert refused(document, bruno, actor, source).reason == "document-of-another-company"
    assert len(source.asked) == 1


# --- what lies in the store is not what was stored ------------------------------------------


def path_of(sha256: str) -> str:
    return storages["documents"].path(f"{sha256[:2]}/{sha256}")


def flip_a_byte(sha256: str, at: int = -3) -> None:
    with Path(path_of(sha256)).open("r+b") as file:
        content = bytearray(file.read())
        content[at] ^= 1
        file.seek(0)
        file.write(content)


def test_a_small_file_that_changed_in_the_store_is_fetched_afresh(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"] = PDF
    flip_a_byte(take(document, bruno, actor, source).sha256)

    assert content_of(take(document, bruno, actor, source)) == PDF
    assert len(source.asked) == 2
    assert Incident.objects.get().code == "stored-file-corrupt"


def test_a_small_file_that_changed_is_not_handed_out_while_the_source_is_dead(
    order, bruno, actor, source
):
    document = make_document(order)
    source.files["danfe-1"] = PDF
    flip_a_byte(take(document, bruno, actor, source).sha256)
    source.files["danfe-1"] = Unreachable("dead")

    assert refused(document, bruno, actor, source).reason == "unreachable"


def test_a_large_file_that_changed_breaks_off_before_its_end(order, bruno, actor, source):
    document = make_document(order, DocumentKind.SERIALS, "serials")
    source.files["serials"] = LARGE
    first = take(document, bruno, actor, source)
    assert content_of(first) == LARGE
    flip_a_byte(first.sha256, at=10)

    second = take(document, bruno, actor, source)
    got = bytearray()
    with second.open() as file, pytest.raises(storage.CorruptFile):
        drain(file, got)

    assert 0 < len(got) < len(LARGE)
    incident = Incident.objects.get()
    assert (incident.code, incident.object_id) == ("stored-file-corrupt", str(document.public_id))
    # Nobody gets it again, and the next one fetches it.
    assert content_of(take(document, bruno, actor, source)) == LARGE
    assert len(source.asked) == 2


def drain(file: IO[bytes], into: bytearray) -> None:
    while piece := file.read(4096):
        into += piece


# --- at the same time -----------------------------------------------------------------------


@pytest.fixture
def shared(cast):
    return make_document(make_order(cast.alfa, establishment=cast.alfa_main))


def at_once(count: int, do: Callable[[], object]) -> list[object]:
    """Do something in threads and collect what came of each, errors too."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(do())
        except DocumentUnavailable as error:
            found.append(error.reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [SourceFailing("500"), Unreachable("dead")])
def test_who_waited_shares_a_failure_and_who_asks_again_asks(shared, bruno, actor, error):
    source = FakeSource({"danfe-1": error}, opening=lambda: time.sleep(0.8))

    assert at_once(3, lambda: take(shared, bruno, actor, source)) == [error.code] * 3
    assert len(source.asked) == 1

    source.files["danfe-1"] = PDF
    assert content_of(take(shared, bruno, actor, source)) == PDF


@pytest.mark.django_db(transaction=True)
def test_who_waited_shares_a_refusal_and_it_is_one_incident(shared, bruno, actor):
    source = FakeSource({"danfe-1": HTML}, opening=lambda: time.sleep(0.8))

    found = at_once(3, lambda: take(shared, bruno, actor, source))

    assert (found, len(source.asked)) == (["html-instead-of-pdf"] * 3, 1)
    assert Incident.objects.count() <= 1


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_slow_leaves_threads_to_pages(shared, bruno, actor, settings):
    settings.PORTAL_DOCUMENTS_AT_ONCE = 1
    source = FakeSource({"danfe-1": PDF}, opening=lambda: time.sleep(1.5))
    began = time.monotonic()
    took: list[float] = []

    def do() -> object:
        try:
            return content_of(take(shared, bruno, actor, source))
        finally:
            took.append(time.monotonic() - began)

    found = at_once(3, do)

    assert sorted(found, key=str) == sorted([PDF, "busy", "busy"], key=str)
    assert sorted(took)[1] < 1.2
    # The places are given back.
    assert content_of(take(shared, bruno, actor, source)) == PDF


@pytest.mark.django_db(transaction=True)
def test_a_fetcher_that_is_killed_leaves_nothing_stuck(shared, bruno, actor):
    with psycopg.connect(dsn()) as dead:
        dead.execute("SELECT pg_advisory_lock(%s, %s)", [0x446F63, shared.pk])
        dead.commit()
        pid = dead.info.backend_pid
        killer = threading.Timer(0.5, kill, [pid])
        killer.start()
        download = take(shared, bruno, actor, FakeSource({"danfe-1": PDF}))
        killer.join()

    assert content_of(download) == PDF


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_gives_the_lock_back(shared, bruno, actor):
    class Broken(FakeSource):
        def open(self, *_args, **_kwargs):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take(shared, bruno, actor, Broken())
    for name in ("a session of its own", "another one"):
        found = at_once(1, lambda: take(shared, bruno, actor, FakeSource({"danfe-1": PDF})))
        assert len(found) == 1, name


@pytest.mark.django_db(transaction=True)
def test_a_failed_statement_gives_the_lock_back(shared, bruno, actor):
    class Broken(FakeSource):
        def open(self, *_args, **_kwargs):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")

    with pytest.raises(Exception, match="division by zero"):
        take(shared, bruno, actor, Broken())
    connection.close()
    found = at_once(1, lambda: content_of(take(shared, bruno, actor, FakeSource({"danfe-1": PDF}))))
    assert found == [PDF]


@pytest.mark.django_db(transaction=True)
def test_a_scope_can_be_left_and_is_the_same_after(cast):
    seen: list[object] = []
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk, person_id=cast.ana.pk):
        before = tenancy.here()
        with tenancy.leave():
            seen.append(connection.in_atomic_block)
            with tenancy.scope(role=tenancy.WEB, company_id=cast.beta.pk):
                seen.append(tenancy.here().company)
        assert tenancy.here() == before
    assert seen == [False, str(cast.beta.pk)]
    assert (before.role, before.company, before.person) == (
        "b2b_web",
        str(cast.alfa.pk),
        str(cast.ana.pk),
    )
    assert connection.in_atomic_block is False


@pytest.mark.django_db(transaction=True)
def test_a_scope_that_was_left_is_the_same_after_a_failure(cast):
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        with pytest.raises(ValueError, match="meanwhile"), tenancy.leave():
            raise ValueError("meanwhile")
        assert tenancy.here().company == str(cast.alfa.pk)
    assert connection.in_atomic_block is False


def kill(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    connection.close()
