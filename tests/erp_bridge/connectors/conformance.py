"""What every connector must do, whatever ERP it speaks to.

A connector's own test module subclasses `Conformance` and supplies a `Subject`: how to build
the connector on an address, and a well-behaved source. The suite then makes that source slow,
wrong or dead.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from erp_bridge.connector import INTERFACE, Call, CompanyRef, Connector, Page
from erp_bridge.errors import (
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    NotFound,
    SourceFailing,
    Throttled,
    Unreachable,
    Unsupported,
)
from erp_bridge.identifiers import normalise_tax_id
from erp_bridge.records import (
    Detail,
    DocumentKind,
    NumberKind,
    OrderRecord,
    Reading,
    System,
    TitleRecord,
    TitleState,
)
from tests.erp_bridge.connectors.gateway import Answering, Gateway, Told

SETTLED = {TitleState.PAID, TitleState.CANCELLED}


@dataclass(frozen=True)
class Subject:
    build: Callable[[str], Connector]
    # The source as it should be, for an order of `company` that `known` numbers find.
    answers: Answering
    company: CompanyRef
    other: CompanyRef
    external_id: str
    known: dict[NumberKind, str]
    first: date
    last: date
    orders_in_period: int
    # A file of the order and its bytes.
    document_key: str
    document: bytes
    secret: str
    # Texts of the source that must never be in what we keep.
    private: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChangingSubject:
    """A source that tells what changed, and orders of companies of which it told already."""

    build: Callable[[str], Connector]
    answers: Answering
    company: CompanyRef
    other: CompanyRef
    # All that changed since then, oldest change first: more than fit on one page.
    since: datetime
    external_ids: tuple[str, ...]
    # Changes an order now and says when that was by the source's clock.
    change: Callable[[str], datetime]
    secret: str


def soon(seconds: float = 5.0) -> Call:
    return Call.within(seconds)


def find(connector: Connector, company: CompanyRef, kind: NumberKind, value: str) -> list[Reading]:
    """Find as the guard does: a failure is tried again before it counts."""
    for _ in range(2):
        with suppress(SourceFailing):
            return connector.find(company, kind, value, soon())
    return connector.find(company, kind, value, soon())


def values_of(value: object) -> Iterator[object]:
    """Walk everything inside a record."""
    if is_dataclass(value):
        for part in fields(value):
            yield from values_of(getattr(value, part.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from values_of(inner)
    else:
        yield value


def assert_shape(record: OrderRecord) -> None:
    assert record.system is System.ERP
    assert record.external_id
    for value in values_of(record):
        assert not isinstance(value, float | list | dict)
        if isinstance(value, datetime):
            assert value.tzinfo is not None
        if isinstance(value, Decimal):
            assert value.is_finite()
        if isinstance(value, str):
            assert value == value.strip()
            assert "\x00" not in value
    assert_payable(record)


def assert_payable(record: OrderRecord) -> None:
    """What is paid by must be whole or absent, and what is settled must say so."""
    documents = record.documents or ()
    keys = [document.key for document in documents]
    assert len(set(keys)) == len(keys)
    for document in documents:
        assert document.replaced_by in {"", *keys} - {document.key}
        if document.replaced_by:
            assert document.title_state in SETTLED
    for one in (*documents, *record.titles):
        state = one.state if isinstance(one, TitleRecord) else one.title_state
        assert one.settled_on is None or state in SETTLED
        assert one.pix == "" or one.pix[:6] == "000201"
        assert one.pix == "" or one.pix[-8:-4] == "6304"
        line = one.typeable_line
        # Whether its digits are right is for the product to find, so that it can tell.
        assert line == "" or re.fullmatch(r"[0-9]{47,48}", line)
        assert one.payee.tax_id == normalise_tax_id(one.payee.tax_id)


class Conformance:
    """Inherit it and give a fixture `subject`."""

    @pytest.fixture
    def gateway(self, subject: Subject):
        gateway = Gateway(subject.answers)
        yield gateway
        gateway.stop()

    @pytest.fixture
    def connector(self, subject: Subject, gateway: Gateway):
        connector = subject.build(gateway.url)
        yield connector
        connector.close()

    # --- what it is and says ----------------------------------------------------

    def test_it_names_itself_and_the_interface(self, connector):
        assert connector.name
        assert connector.interface == INTERFACE

    def test_it_declares_without_asking(self, connector, gateway):
        declared = connector.declares()

        assert declared.find
        assert declared.concurrency >= 1
        assert gateway.log == []

    def test_health_is_good_on_a_good_source(self, connector):
        health = connector.health(soon())

        assert (health.ok, health.problem) == (True, "")

    # --- finding ------------------------------------------------------------------

    def test_every_declared_number_finds_the_order(self, connector, subject):
        declared = connector.declares()

        for kind, value in subject.known.items():
            assert kind in declared.find | declared.find_scans
            found = connector.find(subject.company, kind, value, soon())
            assert [r.record.external_id for r in found] == [subject.external_id], kind
            assert_shape(found[0].record)

    def test_a_kind_that_is_not_declared_is_unsupported(self, connector, subject, gateway):
        declared = connector.declares()

        for kind in set(NumberKind) - declared.find - declared.find_scans:
            with pytest.raises(Unsupported):
                connector.find(subject.company, kind, "1", soon())
        assert gateway.log == []

    def test_an_unknown_number_finds_nothing(self, connector, subject):
        for kind in connector.declares().find:
            assert connector.find(subject.company, kind, "ZZ-999999", soon()) == []

    def test_a_number_of_another_company_finds_nothing(self, connector, subject):
        for kind, value in subject.known.items():
            assert connector.find(subject.other, kind, value, soon()) == []

    def test_a_hostile_number_reaches_the_source_as_one_value(self, connector, subject, gateway):
        for kind in connector.declares().find:
            connector.find(subject.company, kind, "1&revendaId=9#?/../ü\"'", soon())
        connector.close()

        assert all("revendaId=9&" not in f"{asked.query}&" for asked in gateway.log)

    def test_nothing_is_asked_for_a_company_that_the_source_does_not_know(
        self, connector, subject, gateway
    ):
        nobody = CompanyRef("nobody", subject.company.tax_ids, ("", " "))

        assert connector.find(nobody, NumberKind.ERP, subject.external_id, soon()) == []
        assert list(connector.period(nobody, subject.first, subject.last, soon())) == []
        assert connector.documents(nobody, subject.external_id, soon()) == []
        with pytest.raises(NotFound):
            connector.order(nobody, subject.external_id, soon())
        with (
            pytest.raises(NotFound),
            connector.open_document(nobody, subject.external_id, subject.document_key, soon()),
        ):
            pass
        assert gateway.log == []

    # --- one order ------------------------------------------------------------------

    def test_an_order_is_read_whole(self, connector, subject):
        reading = connector.order(subject.company, subject.external_id, soon())

        assert_shape(reading.record)
        assert reading.record.detail is Detail.FULL
        assert reading.record.external_id == subject.external_id
        assert reading.record.customer_id in subject.company.customer_ids
        assert reading.record.documents is not None
        assert reading.read_at.tzinfo is not None

    def test_reading_twice_gives_the_same_record(self, connector, subject):
        first = connector.order(subject.company, subject.external_id, soon())
        second = connector.order(subject.company, subject.external_id, soon())

        assert (first.record, first.payload) == (second.record, second.payload)

    def test_another_companys_order_is_not_found(self, connector, subject):
        with pytest.raises(NotFound):
            connector.order(subject.other, subject.external_id, soon())

    def test_an_unknown_order_is_not_found(self, connector, subject):
        connector.order(subject.company, subject.external_id, soon())

        with pytest.raises(NotFound):
            connector.order(subject.company, "999999", soon())

    def test_what_is_private_is_not_kept(self, connector, subject):
        payload = connector.order(subject.company, subject.external_id, soon()).payload

        assert [text for text in subject.private if text.encode() in payload] == []

    # --- periods --------------------------------------------------------------------

    def test_a_period_gives_all_orders_once(self, connector, subject):
        pages = list(connector.period(subject.company, subject.first, subject.last, soon()))

        ids = [r.record.external_id for page in pages for r in page.readings]
        assert len(ids) == len(set(ids)) == subject.orders_in_period
        assert pages[-1].caught_up is True
        for page in pages:
            for reading in page.readings:
                assert_shape(reading.record)

    def test_a_period_without_orders_is_empty(self, connector, subject):
        early = subject.first - timedelta(days=4000)

        pages = list(connector.period(subject.company, early, early, soon()))

        assert [page.readings for page in pages] == [()]

    def test_changed_is_refused_when_not_declared(self, connector, subject):
        if connector.declares().changed == "none":
            with pytest.raises(Unsupported):
                next(
                    iter(
                        connector.changed(
                            subject.company, "", datetime.min.replace(tzinfo=UTC), soon()
                        )
                    )
                )

    # --- files ------------------------------------------------------------------------

    def test_files_have_keys_and_known_kinds(self, connector, subject):
        files = connector.documents(subject.company, subject.external_id, soon())

        assert len({file.key for file in files}) == len(files) > 0
        assert all(isinstance(file.kind, DocumentKind) and len(file.key) <= 120 for file in files)

    def test_a_file_comes_byte_for_byte(self, connector, subject):
        with connector.open_document(
            subject.company, subject.external_id, subject.document_key, soon()
        ) as stream:
            assert b"".join(stream.chunks) == subject.document

    def test_a_file_that_is_no_longer_listed_is_not_found(self, connector, subject):
        with (
            pytest.raises(NotFound),
            connector.open_document(subject.company, subject.external_id, "gone", soon()),
        ):
            pass

    def test_another_companys_file_is_not_found(self, connector, subject):
        with (
            pytest.raises(NotFound),
            connector.open_document(
                subject.other, subject.external_id, subject.document_key, soon()
            ),
        ):
            pass

    # --- a source that fails ------------------------------------------------------------

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            (Told({"message": "no"}, 401), CredentialsRejected),
            (Told({"message": "slower"}, 429, {"Retry-After": "7"}), Throttled),
            (Told({"message": "slower"}, 429), Throttled),
            (Told({"message": "ours"}, 502), SourceFailing),
            (Told(None, 503), SourceFailing),
            (Told(b"<html><title>login", content_type="text/html"), ContractViolation),
            (Told(b"<!DOCTYPE html><p>x"), ContractViolation),
            (Told(b'{"itens": [{"pedidoErpId": "1", '), ContractViolation),
            (Told(b"\xff\xfe\x00"), ContractViolation),
            (Told(b'"text"'), ContractViolation),
            (Told(b"[" * 100_000), ContractViolation),
            (Told(b'{"a":', cut=100), (Unreachable, ContractViolation)),
        ],
        ids=lambda value: (
            f"{value.status}-{value.content[:12]!r}" if isinstance(value, Told) else ""
        ),
    )
    @pytest.mark.parametrize("operation", ["find", "order", "period"])
    def test_a_failing_source_raises_the_class_of_its_failure(
        self, connector, subject, gateway, told, expected, operation
    ):
        gateway.answer = lambda asked: told

        with pytest.raises(expected) as caught:
            self._run(operation, connector, subject, soon())

        assert subject.secret not in f"{caught.value!s}{caught.value!r}"
        if told.status == 429:
            hint = told.headers.get("Retry-After")
            assert caught.value.retry_after == (float(hint) if hint else None)

    @pytest.mark.parametrize("operation", ["find", "order", "period", "documents"])
    def test_a_slow_source_ends_at_the_deadline(self, connector, subject, gateway, operation):
        gateway.answer = lambda asked: Told({}, seconds=3)
        started = time.monotonic()

        with pytest.raises(Unreachable):
            self._run(operation, connector, subject, soon(0.3))

        assert time.monotonic() - started < 1.5

    def test_a_closed_port_is_unreachable(self, subject):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        connector = subject.build(url)

        with pytest.raises(Unreachable):
            connector.order(subject.company, subject.external_id, soon())
        connector.close()

    def test_an_endless_answer_is_refused(self, connector, subject, gateway):
        gateway.answer = lambda asked: Told(b"[" + b" " * 11_000_000 + b"]")

        with pytest.raises(BridgeError):
            connector.order(subject.company, subject.external_id, soon())

    def test_the_secret_never_prints(self, connector, subject):
        assert subject.secret not in repr(connector)
        assert subject.secret not in repr(vars(connector))

    def _run(self, operation: str, connector, subject: Subject, call: Call) -> object:
        if operation == "find":
            return connector.find(subject.company, NumberKind.ERP, subject.external_id, call)
        if operation == "order":
            return connector.order(subject.company, subject.external_id, call)
        if operation == "documents":
            return connector.documents(subject.company, subject.external_id, call)
        return list(connector.period(subject.company, subject.first, subject.last, call))


class ChangedConformance:
    """What a connector that declares `changed` must do besides; give a fixture `subject`."""

    @pytest.fixture
    def gateway(self, subject: ChangingSubject):
        gateway = Gateway(subject.answers)
        yield gateway
        gateway.stop()

    @pytest.fixture
    def connector(self, subject: ChangingSubject, gateway: Gateway):
        connector = subject.build(gateway.url)
        yield connector
        connector.close()

    def test_it_declares_how_fine_changes_are(self, connector, gateway):
        assert connector.declares().changed in {"day", "second"}
        assert gateway.log == []

    def test_all_that_changed_comes_once_oldest_first_on_several_pages(self, connector, subject):
        pages = self._walk(connector, subject)

        assert len(pages) > 1
        assert [i for page in pages for i in ids_of(page)] == list(subject.external_ids)

    def test_only_the_last_page_has_no_cursor(self, connector, subject):
        *others, last = self._walk(connector, subject)

        assert (last.cursor, last.caught_up) == ("", True)
        assert all(page.cursor and not page.caught_up for page in others)
        # As a stream's row keeps it.
        assert all(len(page.cursor) <= 200 for page in others)

    def test_each_reading_names_its_customer_and_when_it_was_read(self, connector, subject):
        for page in self._walk(connector, subject):
            assert page.problems == ()
            for reading in page.readings:
                assert_shape(reading.record)
                assert reading.record.customer_id in subject.company.customer_ids
                assert reading.read_at.tzinfo is not None

    def test_a_change_appears_and_its_very_moment_is_included(self, connector, subject):
        changed = subject.external_ids[0]
        moment = subject.change(changed)

        # Others of the same second, or day, may come before it.
        assert self._ids(connector.changed(None, "", moment, soon()))[-1] == changed

    def test_nothing_after_the_last_change_is_one_page_that_is_caught_up(self, connector, subject):
        moment = subject.change(subject.external_ids[0])

        (page,) = connector.changed(None, "", moment + timedelta(days=1), soon())

        assert (page.readings, page.cursor, page.caught_up) == ((), "", True)

    def test_the_zone_in_which_a_moment_is_asked_for_does_not_matter(self, connector, subject):
        moment = subject.change(subject.external_ids[1])
        elsewhere = moment.astimezone(timezone(timedelta(hours=9)))

        there, here = (
            self._ids(connector.changed(None, "", at, soon())) for at in (elsewhere, moment)
        )
        assert there == here
        assert there[-1] == subject.external_ids[1]

    def test_an_order_that_changes_between_pages_is_not_lost_nor_is_another(
        self, connector, subject
    ):
        pages = connector.changed(None, "", subject.since, soon())
        first = ids_of(next(pages))
        # One that was read, and the very next one: it leaves its place.
        follower = subject.external_ids[len(first)]
        subject.change(first[0])
        subject.change(follower)

        rest = self._ids(pages)

        assert {*first, *rest} == set(subject.external_ids)
        assert rest[-2:] == [first[0], follower]
        assert len(rest) == len(set(rest))

    def test_another_process_goes_on_from_a_cursor(self, connector, subject, gateway):
        first = next(connector.changed(None, "", subject.since, soon()))
        another = subject.build(gateway.url)

        rest = self._ids(another.changed(None, first.cursor, subject.since, soon()))

        assert [*ids_of(first), *rest] == list(subject.external_ids)
        another.close()

    def test_for_one_company_only_its_own_come(self, connector, subject):
        mine = self._ids(connector.changed(subject.company, "", subject.since, soon()))
        theirs = self._ids(connector.changed(subject.other, "", subject.since, soon()))

        assert (mine, theirs) == (list(subject.external_ids), [])

    def test_nothing_is_asked_for_a_company_that_the_source_does_not_know(
        self, connector, subject, gateway
    ):
        nobody = CompanyRef("nobody", subject.company.tax_ids, ("", " "))

        assert list(connector.changed(nobody, "", subject.since, soon())) == []
        assert gateway.log == []

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            (Told({"message": "no"}, 401), CredentialsRejected),
            (Told({"message": "slower"}, 429, {"Retry-After": "7"}), Throttled),
            (Told({"message": "ours"}, 502), SourceFailing),
            (Told(b"<html><title>login", content_type="text/html"), ContractViolation),
            (Told(b'{"itens": [{"pedidoErpId": "1", '), ContractViolation),
            (Told(b'"text"'), ContractViolation),
            (Told(b'{"a":', cut=100), (Unreachable, ContractViolation)),
            (Told({"message": "?"}, 405), Unsupported),
            (Told({"message": "?"}, 501), Unsupported),
        ],
        ids=lambda value: (
            f"{value.status}-{value.content[:12]!r}" if isinstance(value, Told) else ""
        ),
    )
    def test_a_failing_source_raises_the_class_of_its_failure(
        self, connector, subject, gateway, told, expected
    ):
        gateway.answer = lambda asked: told

        with pytest.raises(expected) as caught:
            list(connector.changed(None, "", subject.since, soon()))

        assert subject.secret not in f"{caught.value!s}{caught.value!r}"

    def test_a_slow_source_ends_at_the_deadline(self, connector, subject, gateway):
        gateway.answer = lambda asked: Told({}, seconds=3)
        started = time.monotonic()

        with pytest.raises(Unreachable):
            list(connector.changed(None, "", subject.since, soon(0.3)))

        assert time.monotonic() - started < 1.5

    def _walk(self, connector: Connector, subject: ChangingSubject) -> list[Page]:
        return list(connector.changed(None, "", subject.since, soon()))

    def _ids(self, pages: Iterator[Page]) -> list[str]:
        return [external_id for page in pages for external_id in ids_of(page)]


def ids_of(page: Page) -> list[str]:
    return [reading.record.external_id for reading in page.readings]
