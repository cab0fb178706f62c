"""How long fetched files are kept, and whether what is kept is what was stored."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from b2b_orders.documents import keeping, storage
from b2b_orders.documents.models import Document, JobState, Origin, Rendering, StoredFile
from b2b_orders.ingest import tasks
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.files import make_nfe, make_pdf
from tests.b2b_orders.documents.test_download import content_of, take
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


def hold(
    order,
    kind: DocumentKind,
    key: str,
    content: bytes,
    *,
    at: datetime = NOW,
    content_type: str = "application/pdf",
    **fields: object,
) -> Document:
    stored = storage.keep(storage.spooled_bytes(content), content_type=content_type, now=at)
    return make_document(order, kind, key, file=stored, fetched_at=at, **fields)


def is_held(document: Document) -> bool:
    document.refresh_from_db()
    return storage.is_held(document.file)


def drop(now: datetime, seconds: float = 60) -> keeping.Dropped:
    return keeping.drop_old(now=now, seconds=seconds)


def sha256_path(sha256: str) -> Path:
    return Path(storages["documents"].path(f"{sha256[:2]}/{sha256}"))


# --- for how long ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "days"),
    [
        (DocumentKind.NFE_XML, {"content_type": "application/xml"}, 4018),
        (DocumentKind.OTHER, {"content_type": "application/xml"}, 4018),
        (DocumentKind.DANFE, {}, 1827),
        (DocumentKind.GNRE, {}, 1827),
        (DocumentKind.SERIALS, {"content_type": "text/plain"}, 1827),
        (DocumentKind.BOLETO, {"due_on": NOW.date() + 30 * DAY}, 120),
        (DocumentKind.BOLETO, {}, 90),
        (DocumentKind.DANFE, {"issued_on": NOW.date() - 100 * DAY}, 1727),
        (DocumentKind.DANFE, {"origin": Origin.RENDERED}, 30),
    ],
)
def test_a_file_is_kept_as_long_as_its_kind_says_and_then_let_go(order, kind, fields, days):
    document = hold(order, kind, "a", b"content", **fields)

    drop(NOW + days * DAY)
    assert is_held(document)
    drop(NOW + (days + 2) * DAY)

    assert not is_held(document)
    assert (document.file_id, StoredFile.objects.count()) == (None, 0)
    assert document.fetched_at == NOW


def test_zero_days_keep_a_file_for_ever(order, settings):
    for name in ("XML", "FILE", "BOLETO", "RENDERED"):
        setattr(settings, f"PORTAL_KEEP_{name}_DAYS", 0)
    documents = [
        hold(order, DocumentKind.NFE_XML, "x", b"x", content_type="application/xml"),
        hold(order, DocumentKind.DANFE, "d", b"d"),
        hold(order, DocumentKind.BOLETO, "b", b"b"),
        hold(order, DocumentKind.DANFE, "r", b"r", origin=Origin.RENDERED),
    ]

    drop(NOW + 30_000 * DAY)

    assert [is_held(document) for document in documents] == [True] * 4


def test_bytes_stay_while_another_document_needs_them(order):
    boleto = hold(order, DocumentKind.BOLETO, "b", b"same")
    danfe = hold(order, DocumentKind.DANFE, "d", b"same")

    drop(NOW + 200 * DAY)
    assert (is_held(boleto), is_held(danfe)) == (False, True)
    drop(NOW + 2000 * DAY)

    assert (is_held(danfe), StoredFile.objects.count()) == (False, 0)


def test_what_was_fetched_today_stays_however_old_the_paper_is(order):
    document = hold(order, DocumentKind.DANFE, "d", b"d", issued_on=date(2001, 1, 1))

    drop(NOW + timedelta(hours=12))
    assert is_held(document)
    drop(NOW + 2 * DAY)
    assert not is_held(document)


def test_a_file_that_was_let_go_is_fetched_again_when_somebody_asks(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"] = make_pdf()
    take(document, bruno, actor, source)
    late = NOW + 3000 * DAY
    drop(late)

    assert content_of(take(document, bruno, actor, source, late)) == source.files["danfe-1"]
    assert len(source.asked) == 2


def test_pages_of_our_making_are_forgotten(order):
    xml = hold(order, DocumentKind.NFE_XML, "x", b"x", content_type="application/xml")
    made = storage.keep(storage.spooled_bytes(b"pdf"), content_type="application/pdf", now=NOW)
    Rendering.objects.create(
        company=order.company,
        document=xml,
        key="k",
        state=JobState.DONE,
        file=made,
        asked_at=NOW,
        finished_at=NOW,
    )

    drop(NOW + 30 * DAY)
    assert Rendering.objects.count() == 1
    drop(NOW + 31 * DAY)

    assert (Rendering.objects.count(), storage.is_held(made)) == (0, False)
    assert is_held(xml)


def test_a_turn_that_is_over_goes_on_in_the_next(order):
    documents = [
        hold(order, DocumentKind.BOLETO, f"b{number}", b"%d" % number) for number in range(3)
    ]

    first = drop(NOW + 200 * DAY, seconds=0)
    assert (first.documents, first.files, first.is_finished) == (3, 0, False)
    second = drop(NOW + 200 * DAY)

    assert (second.files, second.is_finished) == (3, True)
    assert [is_held(document) for document in documents] == [False] * 3


def test_bytes_without_a_row_are_swept_up_once_they_are_a_day_old():
    path = sha256_path("0" * 64)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"orphan")
    (path.parent / "notes.txt").write_bytes(b"not ours")
    now = timezone.now()

    assert list(keeping.orphans("00", now=now)) == []
    dropped = [drop(now + 2 * DAY + timedelta(minutes=2 * turn)).orphans for turn in range(90)]

    assert sum(dropped) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("hour", "is_dropped"), [(2, True), (14, False)])
def test_a_worker_lets_go_at_night(order, hour, is_dropped, monkeypatch):
    document = hold(order, DocumentKind.BOLETO, "b", b"b")
    then = timezone.localtime(NOW + 200 * DAY).replace(hour=hour)
    monkeypatch.setattr("b2b_orders.common.clock.now", lambda: then)

    tasks.keep_documents()

    assert is_held(document) is not is_dropped


# --- is it right -----------------------------------------------------------------------------


def check(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("check_documents", *words, stdout=out, stderr=io.StringIO())
    except SystemExit as error:
        return int(error.code or 0), out.getvalue()
    return 0, out.getvalue()


def flip(document: Document) -> None:
    path = sha256_path(document.file_id or "")
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def test_a_store_as_it_should_be_is_fine(order):
    hold(order, DocumentKind.DANFE, "a", b"a")

    assert check() == (0, "1 files checked: 0 missing, 0 corrupt, 0 orphan\n")


def test_a_flipped_byte_and_a_missing_file_are_named(order):
    flipped = hold(order, DocumentKind.DANFE, "a", b"a")
    gone = hold(order, DocumentKind.DANFE, "b", b"b")
    flip(flipped)
    sha256_path(gone.file_id).unlink()

    code, text = check()

    assert code == 1
    assert f"{flipped.file_id} is not what was stored (1 documents)\n" in text
    assert f"{gone.file_id} is not there (1 documents)\n" in text
    assert text.endswith("2 files checked: 1 missing, 1 corrupt, 0 orphan\n")
    assert Document.objects.filter(file__isnull=False).count() == 2


def test_a_repair_has_wrong_files_fetched_again(order, bruno, actor, source):
    xml = make_document(order, DocumentKind.NFE_XML, "xml")
    danfe = make_document(order, DocumentKind.DANFE, "danfe")
    source.files = {"xml": make_nfe(), "danfe": make_pdf()}
    for document in (xml, danfe):
        take(document, bruno, actor, source)
        document.refresh_from_db()
        flip(document)

    code, text = check("--repair")

    assert code == 0
    assert text.endswith("2 files checked: 0 missing, 2 corrupt, 0 orphan; repaired\n")
    for document, is_due in ((xml, True), (danfe, False)):
        document.refresh_from_db()
        assert (document.file_id, document.due_at is not None) == (None, is_due)
        assert content_of(take(document, bruno, actor, source)) == source.files[document.key]
    assert check()[0] == 0


def test_a_sample_looks_at_some(order):
    for number in range(5):
        hold(order, DocumentKind.DANFE, str(number), b"%d" % number)

    assert check("--sample", "2") == (0, "2 files checked: 0 missing, 0 corrupt, 0 orphan\n")
    with pytest.raises(CommandError):
        check("--sample", "-1")


def test_bytes_of_nobody_are_named_and_deleted_by_a_repair(monkeypatch):
    path = sha256_path("ab" * 32)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"orphan")
    later = timezone.now() + 2 * DAY
    monkeypatch.setattr("b2b_orders.common.clock.now", lambda: later)

    assert check()[0] == 1
    assert check("--repair")[0] == 0
    assert not path.exists()
