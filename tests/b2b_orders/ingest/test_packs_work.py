"""Packs: built in turns with today's rights, whole after a killed worker, taken by their person."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
from django.core import mail
from django.core.files.storage import storages

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import Acting, Establishment, Membership, Role
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents import pack_building
from b2b_orders.documents.models import Document, Pack, PackPart, State
from b2b_orders.documents.packing import Choice, count_choice
from b2b_orders.documents.packs import (
    PackGone,
    drop_pack,
    get_pack,
    list_packs,
    request_pack,
    take_part,
)
from b2b_orders.documents.rendering import update_rendered
from b2b_orders.ingest import packs_work, rendering_work
from erp_bridge.connector import Purpose
from erp_bridge.errors import NotFound, Unreachable
from erp_bridge.records import DocumentKind, NumberKind
from tests.b2b_orders.documents.conftest import FakeSource
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.documents.test_rendering import make_xml
from tests.factories import NOW, make_document, make_order
from tests.fiscal.nfe import key_of

pytestmark = pytest.mark.django_db
PDF = make_pdf()
MARCH = Choice(since=date(2026, 3, 1), until=date(2026, 3, 31))
# By then nothing is waited for any more.
LONG_AFTER = NOW + timedelta(minutes=11)
ACTOR = Actor(address="203.0.113.9")


@pytest.fixture(autouse=True)
def store(settings, tmp_path, monkeypatch):
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    woken: list[int] = []
    monkeypatch.setattr(packs_work, "wake", woken.append)
    return woken


@pytest.fixture
def source() -> FakeSource:
    source = FakeSource()
    source.files = {f"danfe-{number}": PDF for number in range(1, 6)} | {"boleto": PDF}
    return source


@pytest.fixture
def order(cast):
    """Five DANFEs and a boleto of March, and a DANFE of February."""
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    for number in range(1, 6):
        make_document(
            order,
            key=f"danfe-{number}",
            invoice_number=str(1000 + number),
            invoice_series="1",
            issued_on=date(2026, 3, number),
        )
    make_document(order, DocumentKind.BOLETO, "boleto", invoice_number="1001", title_state="open")
    make_document(order, key="old", issued_on=date(2026, 2, 28))
    return order


def viewer_of(person, company, **given) -> Viewer:
    viewer = viewer_of_asker(
        person_id=person.pk, company_id=company.pk, **({"is_staff": False} | given)
    )
    assert viewer is not None
    return viewer


@contextmanager
def as_web(viewer: Viewer) -> Iterator[None]:
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=viewer.person_id):
        yield


def ask(viewer: Viewer, choice: Choice = MARCH, now=NOW) -> Pack:
    with as_web(viewer):
        view = request_pack(viewer=viewer, actor=ACTOR, choice=choice, language="en", now=now)
    return Pack.objects.get(public_id=view.public_id)


def build(pack: Pack, source: FakeSource, now=NOW, seconds: float = 60) -> str | None:
    return packs_work.run_pack(pack_id=pack.pk, clock=lambda: now, source=source, seconds=seconds)


def take(pack: Pack, viewer: Viewer, number: int = 1, now=NOW) -> zipfile.ZipFile:
    with as_web(viewer):
        part = take_part(
            viewer=viewer, actor=ACTOR, public_id=pack.public_id, number=number, now=now
        )
    with part.open() as file:
        content = file.read()
    assert len(content) == part.size
    return zipfile.ZipFile(io.BytesIO(content))


def files_of(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.endswith(".pdf"))


# --- asked, built, told, taken ---------------------------------------------------------------


def test_a_pack_holds_just_what_was_counted(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    with as_web(bruno):
        counted = count_choice(viewer=bruno, choice=MARCH)
    pack = ask(bruno)

    with tenancy.scope(role=tenancy.WORKER):
        assert build(pack, source) == "done"

    pack.refresh_from_db()
    assert (counted.total, pack.total, pack.taken, pack.missing) == (6, 6, 6, 0)
    assert len(files_of(take(pack, bruno))) == 6
    assert pack.parts.get().count == 6


def test_kinds_order_numbers_and_branches_narrow_it(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    other = make_order(cast.alfa, [(NumberKind.ERP, "777")], establishment=cast.alfa_branch)
    make_document(other, key="danfe-1", issued_on=date(2026, 3, 9))

    def total(**choice: object) -> int:
        with as_web(bruno):
            return count_choice(viewer=bruno, choice=Choice(**choice)).total

    assert total() == 8
    assert total(kinds=("boleto",)) == 1
    assert total(kinds=("danfe",), until=date(2026, 2, 28)) == 1
    assert total(text="777") == 1
    assert total(text="no such number") == 0
    assert total(establishment="12345678000276") == 1
    assert total(order=order.public_id) == 7


def test_its_person_is_told_once_with_a_link_that_needs_a_log_in(cast, order, source):
    pack = ask(viewer_of(cast.bruno, cast.alfa))
    build(pack, source)

    assert packs_work.tell(pack_id=pack.pk, now=NOW) is False
    [message] = mail.outbox
    assert message.to == ["bruno@example.com"]
    assert f"/c/{cast.alfa.public_id}/documentos" in message.body
    assert str(pack.public_id) not in message.body
    assert "6 files" in message.body


def test_every_document_in_it_leaves_a_line_and_so_does_its_taking(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    build(pack, source)
    take(pack, bruno)

    lines = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert lines == ["pack_asked", *["documents_packed"] * 6, "pack_taken"]
    packed = AuditEvent.objects.filter(action="documents_packed")
    assert {line.detail["pack"] for line in packed} == {str(pack.public_id)}


def test_what_is_missing_is_counted_and_told(cast, order, source):
    Document.objects.filter(key="danfe-2").update(state=State.EXPECTED)
    source.files["danfe-3"] = Unreachable("down")
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)

    assert build(pack, source) == "waiting"
    assert build(pack, source, LONG_AFTER) == "done"

    pack.refresh_from_db()
    assert (pack.total, pack.taken, pack.missing) == (6, 4, 2)
    index = take(pack, bruno).read("index.csv").decode()
    assert "It is being issued." in index
    assert "The source did not answer in time." in index


def test_a_paper_to_pay_is_marked_as_a_copy_because_it_lies_about(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    build(pack, source)

    assert "0004500123/NF-1001/Boleto-1001-copy-of-2026-03-10-1000-check-before-paying.pdf" in (
        take(pack, bruno).namelist()
    )


def test_the_sources_are_asked_as_for_history(cast, order, source, monkeypatch):
    purposes = []
    opening = FakeSource.open

    def noted(self, *args):
        purposes.append(args[-1].purpose)
        return opening(self, *args)

    monkeypatch.setattr(FakeSource, "open", noted)

    build(ask(viewer_of(cast.bruno, cast.alfa)), source)

    assert set(purposes) == {Purpose.BACKFILL}


def test_a_large_pack_comes_in_parts_with_an_index_each(cast, order, source, settings):
    settings.PORTAL_PACK_PART_FILES = 4
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)

    build(pack, source)

    assert list(pack.parts.order_by("number").values_list("number", "count")) == [(1, 4), (2, 2)]
    first, second = take(pack, bruno, 1), take(pack, bruno, 2)
    assert not set(files_of(first)) & set(files_of(second))
    assert "index.csv" in first.namelist()
    assert "index.csv" in second.namelist()


def test_a_part_ends_at_its_size(cast, order, source, settings):
    settings.PORTAL_PACK_PART_BYTES = len(PDF) * 2

    build(pack := ask(viewer_of(cast.bruno, cast.alfa)), source)

    assert list(pack.parts.order_by("number").values_list("count", flat=True)) == [2, 2, 2]


def test_a_source_that_is_away_is_waited_for_and_its_files_come_after_all(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    for number in (2, 3, 4):
        source.files[f"danfe-{number}"] = Unreachable("down")
    pack = ask(bruno)

    assert build(pack, source) == "waiting"
    assert not pack.parts.exists()
    asked = len(source.asked)
    # The next turn comes too soon to ask again; later one file tells of them all.
    assert build(pack, source, NOW + timedelta(seconds=20)) == "waiting"
    assert len(source.asked) == asked
    assert build(pack, source, NOW + timedelta(seconds=61)) == "waiting"
    assert len(source.asked) == asked + 1
    assert packs_work.waiting_packs(now=NOW + timedelta(minutes=2)) == [pack.pk]

    for number in (2, 3, 4):
        source.files[f"danfe-{number}"] = PDF
    assert build(pack, source, NOW + timedelta(minutes=3)) == "done"

    pack.refresh_from_db()
    assert (pack.taken, pack.missing) == (6, 0)
    assert len(files_of(take(pack, bruno))) == 6


def test_a_pack_waits_for_its_sources_once_not_for_every_part(cast, order, source, settings):
    settings.PORTAL_PACK_PART_FILES = 2
    source.files = {key: Unreachable("down") for key in source.files}
    pack = ask(viewer_of(cast.bruno, cast.alfa))

    assert build(pack, source) == "waiting"
    assert build(pack, source, LONG_AFTER) == "done"

    pack.refresh_from_db()
    assert (pack.taken, pack.missing, pack.parts.count()) == (0, 6, 3)


def test_what_the_source_does_not_have_is_not_waited_for(cast, order, source):
    source.files["danfe-3"] = NotFound("gone")
    source.files["danfe-4"] = b"<html>no</html>"
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)

    assert build(pack, source) == "done"

    index = take(pack, bruno).read("index.csv").decode()
    assert "The source does not have this file." in index
    assert "Damaged file: something else instead of the document" in index


class TestPagesOfOurs:
    """A DANFE that we make of an XML and that nobody has asked for yet."""

    @pytest.fixture
    def danfe(self, order) -> Document:
        Document.objects.filter(key="old").update(invoice_number="900")
        facts = {"item_count": 500, "access_key": key_of(1009)}
        make_xml(order, issued_on=date(2026, 3, 9), invoice_number="1009", facts=facts)
        update_rendered(order_ids=[order.pk], now=NOW)
        return Document.objects.get(origin="rendered")

    @pytest.fixture
    def draw(self, monkeypatch) -> Callable[[datetime], object]:
        monkeypatch.setattr(rendering_work.drawing, "draw", lambda *_args, **_given: PDF)

        def work(now: datetime) -> object:
            [pk] = rendering_work.to_do(is_urgent=True)
            return rendering_work.run_rendering(rendering_id=pk, clock=lambda: now)

        return work

    def test_it_is_made_for_the_pack_and_waited_for(self, cast, danfe, source, draw):
        bruno = viewer_of(cast.bruno, cast.alfa)
        pack = ask(bruno)
        assert build(pack, source) == "waiting"

        assert draw(NOW) == "done"

        assert build(pack, source, NOW + timedelta(seconds=16)) == "done"
        pack.refresh_from_db()
        assert (pack.taken, pack.missing) == (8, 0)
        assert any("gerada-do-XML" in name for name in files_of(take(pack, bruno)))

    def test_a_killed_worker_still_waits_for_it(self, cast, danfe, source, draw, monkeypatch):
        bruno = viewer_of(cast.bruno, cast.alfa)
        pack = ask(bruno)
        build(pack, source)
        draw(NOW)

        def killed(*_args):
            raise Killed

        later = NOW + timedelta(seconds=16)
        with monkeypatch.context() as patch:
            patch.setattr(pack_building._Builder, "_write_part", killed)
            with pytest.raises(Killed):
                build(pack, source, later)
        assert build(pack, source, later) == "done"

        taken = AuditEvent.objects.filter(action="documents_packed", object_id=str(danfe.public_id))
        assert taken.count() == 1

    def test_one_that_never_comes_is_listed_as_missing(self, cast, danfe, source):
        bruno = viewer_of(cast.bruno, cast.alfa)
        pack = ask(bruno)
        assert build(pack, source) == "waiting"
        assert build(pack, source, NOW + timedelta(minutes=4)) == "waiting"

        assert build(pack, source, NOW + timedelta(minutes=6)) == "done"

        pack.refresh_from_db()
        assert (pack.taken, pack.missing) == (7, 1)
        index = take(pack, bruno).read("index.csv").decode()
        assert "It is being made. Try again in a moment." in index


# --- killed, cancelled, expired ------------------------------------------------------------


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(1, 7))
def test_a_killed_worker_costs_nothing_and_doubles_nothing(cast, order, source, settings, at):
    settings.PORTAL_PACK_PART_FILES = 4
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)

    def kill() -> None:
        if len(source.asked) == at:
            raise Killed

    source.opening = kill
    with pytest.raises(Killed):
        build(pack, source)
    source.opening = lambda: None
    assert packs_work.waiting_packs(now=NOW + timedelta(seconds=6)) == [pack.pk]

    assert build(pack, source) == "done"

    pack.refresh_from_db()
    assert (pack.taken, pack.missing) == (6, 0)
    names = files_of(take(pack, bruno, 1)) + files_of(take(pack, bruno, 2))
    assert len(set(names)) == 6


def test_a_worker_killed_while_it_stores_a_part_stores_it_again(cast, order, source, monkeypatch):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    storage = storages["documents"]
    saving = type(storage).save

    def save(self, name, content, max_length=None):
        saved = saving(self, name, content, max_length)
        if name.startswith("packs/"):
            raise Killed
        return saved

    monkeypatch.setattr(type(storage), "save", save)
    with pytest.raises(Killed):
        build(pack, source)
    monkeypatch.undo()
    monkeypatch.setattr(packs_work, "wake", lambda _pack: None)

    assert build(pack, source) == "done"
    assert pack.parts.get().name == f"packs/{pack.public_id}/1.zip"
    assert len(files_of(take(pack, bruno))) == 6


def test_it_is_built_in_turns_and_shows_how_far_it_is(cast, order, source, store):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)

    assert build(pack, source, seconds=0) == "running"
    with as_web(bruno):
        assert get_pack(viewer=bruno, public_id=pack.public_id).taken == 1
    assert store == [pack.pk]

    turns = 1
    while build(pack, source, seconds=0) == "running":
        turns += 1
    assert turns == 6
    assert len(files_of(take(pack, bruno))) == 6


def test_a_cancelled_pack_stops_and_leaves_no_files(cast, order, source, settings):
    settings.PORTAL_PACK_PART_FILES = 1
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    build(pack, source, seconds=0)
    name = pack.parts.get().name

    with as_web(bruno):
        drop_pack(viewer=bruno, actor=ACTOR, public_id=pack.public_id, now=NOW)

    assert build(pack, source) is None
    assert packs_work.clear_packs(now=NOW) == 1
    assert not storages["documents"].exists(name)
    with as_web(bruno):
        [view] = list_packs(viewer=bruno)
    assert (view.state, view.outcome, view.parts) == ("failed", "cancelled", ())


def test_after_seven_days_it_is_over_and_its_files_are_deleted(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    build(pack, source)
    name = pack.parts.get().name
    last = NOW + timedelta(days=7)

    take(pack, bruno, now=last - timedelta(seconds=1))
    with pytest.raises(PackGone):
        take(pack, bruno, now=last)

    assert packs_work.clear_packs(now=last - timedelta(seconds=1)) == 0
    assert packs_work.clear_packs(now=last) == 1
    assert not storages["documents"].exists(name)
    assert PackPart.objects.count() == 0
    # What it was made of is still kept.
    assert storages["documents"].exists(
        next(f"{s[:2]}/{s}" for s in Document.objects.values_list("file", flat=True) if s)
    )


def test_a_deleted_pack_is_gone_at_once_and_for_good(cast, order, source):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    build(pack, source)

    with as_web(bruno):
        drop_pack(viewer=bruno, actor=ACTOR, public_id=pack.public_id, now=NOW)
        assert list_packs(viewer=bruno) == ()
    with pytest.raises(NotVisible):
        take(pack, bruno)
    packs_work.clear_packs(now=NOW)
    assert not Pack.objects.exists()


def test_a_pack_that_nobody_can_build_is_given_up(cast, order):
    pack = ask(viewer_of(cast.bruno, cast.alfa))

    assert packs_work.give_up_packs(now=NOW + timedelta(hours=23)) == 0
    assert packs_work.give_up_packs(now=NOW + timedelta(hours=25)) == 1
    pack.refresh_from_db()
    assert (pack.state, pack.outcome) == ("failed", "given-up")


def test_a_mail_server_that_is_down_is_tried_again(cast, order, source, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    pack = ask(viewer_of(cast.bruno, cast.alfa))
    build(pack, source)
    assert packs_work.untold_packs(now=NOW) == [pack.pk]

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert packs_work.tell(pack_id=pack.pk, now=NOW) is True
    assert packs_work.untold_packs(now=NOW) == []


# --- whose ---------------------------------------------------------------------------------


def test_nobody_else_takes_a_pack_and_none_of_it_exists_for_them(cast, order, source):
    pack = ask(viewer_of(cast.bruno, cast.alfa))
    build(pack, source)
    others = [
        viewer_of(cast.ana, cast.alfa),
        viewer_of(cast.rita, cast.alfa),
        viewer_of(cast.beto, cast.beta),
    ]

    for viewer in others:
        with pytest.raises(NotVisible):
            take(pack, viewer)
        with as_web(viewer), pytest.raises(NotVisible):
            drop_pack(viewer=viewer, actor=ACTOR, public_id=pack.public_id, now=NOW)
        with as_web(viewer):
            assert list_packs(viewer=viewer) == ()
    with as_web(others[0]), pytest.raises(NotVisible):
        get_pack(viewer=others[0], public_id=uuid.uuid4())


def test_rights_lost_between_asking_and_building_narrow_what_is_built(cast, order, source):
    pack = ask(viewer_of(cast.bruno, cast.alfa))
    Membership.objects.filter(person=cast.bruno).update(role=Role.VIEWER)

    build(pack, source)

    pack.refresh_from_db()
    assert pack.taken == 5
    assert not any(
        "Boleto" in name for name in files_of(take(pack, viewer_of(cast.bruno, cast.alfa)))
    )


@pytest.mark.parametrize("lost", ["membership", "person", "company"])
def test_whoever_was_removed_gets_no_pack(cast, order, source, lost):
    pack = ask(viewer_of(cast.bruno, cast.alfa))
    if lost == "membership":
        Membership.objects.filter(person=cast.bruno).update(is_active=False)
    elif lost == "person":
        type(cast.bruno).objects.filter(pk=cast.bruno.pk).update(is_active=False)
    else:
        type(cast.alfa).objects.filter(pk=cast.alfa.pk).update(is_active=False)

    assert build(pack, source) == "failed"

    pack.refresh_from_db()
    assert pack.outcome == "no-longer-allowed"
    assert source.asked == []
    assert mail.outbox == []


@pytest.mark.parametrize("lost", ["finance", "branch", "moved"])
def test_rights_lost_between_building_and_taking_close_it(cast, order, source, lost):
    bruno = viewer_of(cast.bruno, cast.alfa)
    pack = ask(bruno)
    build(pack, source)
    if lost == "finance":
        Membership.objects.filter(person=cast.bruno).update(role=Role.VIEWER)
    elif lost == "branch":
        Membership.objects.filter(person=cast.bruno).update(is_scoped=True)
    else:
        order.records.update(company=cast.beta)

    with pytest.raises(PackGone) as caught:
        take(pack, viewer_of(cast.bruno, cast.alfa))

    assert caught.value.reason == "rights-changed"


def test_a_person_of_one_branch_packs_that_branch_only(cast, order, source):
    branch = make_order(cast.alfa, [(NumberKind.ERP, "777")], establishment=cast.alfa_branch)
    make_document(branch, key="danfe-1", issued_on=date(2026, 3, 9))
    carla = viewer_of(cast.carla, cast.alfa)

    build(pack := ask(carla), source)

    assert files_of(take(pack, carla)) == ["777/Other-documents/DANFE-DANFE-1001.pdf"]
    main = Establishment.objects.get(pk=cast.alfa_main.pk)
    with as_web(carla):
        choice = Choice(establishment=main.tax_id)
        assert count_choice(viewer=carla, choice=choice).total == 0


def test_an_agents_pack_belongs_to_that_time_of_acting(cast, order, source):
    def acting() -> Viewer:
        row = Acting.objects.create(
            person=cast.suzana,
            company=cast.alfa,
            reason="call 4711",
            session_key="s",
            started_at=NOW,
            seen_at=NOW,
        )
        return viewer_of(cast.suzana, cast.alfa, is_staff=True, acting_id=row.pk)

    first, second = acting(), acting()
    pack = ask(first)

    assert build(pack, source) == "done"

    assert (pack.acting_id, pack.reason) == (first.acting_id, "call 4711")
    assert len(files_of(take(pack, first))) == 6
    with pytest.raises(NotVisible):
        take(pack, second)
    packed = AuditEvent.objects.filter(action="documents_packed")
    assert {(line.staff_role, line.reason) for line in packed} == {("support", "call 4711")}
    assert f"/c/{cast.alfa.public_id}/documentos" in mail.outbox[0].body


def test_few_packs_are_built_at_once(cast, order, settings):
    settings.PORTAL_PACKS_OF_PERSON, settings.PORTAL_PACKS_OF_COMPANY = 2, 3
    bruno, ana, davi = (viewer_of(each, cast.alfa) for each in (cast.bruno, cast.ana, cast.davi))
    ask(bruno)
    ask(bruno)

    with pytest.raises(Conflict):
        ask(bruno)
    ask(ana)
    with pytest.raises(Conflict):
        ask(davi)
    assert Pack.objects.count() == 3


def test_nothing_and_too_much_are_refused(cast, order, settings):
    bruno = viewer_of(cast.bruno, cast.alfa)
    settings.PORTAL_PACK_FILES = 5

    with pytest.raises(InvalidInput, match="too-many-documents"):
        ask(bruno)
    with pytest.raises(InvalidInput, match="nothing-to-pack"):
        ask(bruno, Choice(since=date(2030, 1, 1)))
    assert not Pack.objects.exists()
