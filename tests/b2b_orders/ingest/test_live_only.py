"""An ERP that lists nothing: its orders are looked up, and its poll lane has nothing to fail at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import pytest

from b2b_orders.companies.models import Company
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, Parked, Run, Stream
from b2b_orders.ingest.services import save_connection
from b2b_orders.orders.models import OrderNumber, SourceRecord
from erp_bridge import registry
from erp_bridge.connector import (
    INTERFACE,
    Call,
    CompanyRef,
    Declares,
    DocumentStream,
    Health,
    Page,
)
from erp_bridge.errors import NotFound, Unsupported
from erp_bridge.records import (
    Detail,
    DocumentRecord,
    Fulfilment,
    NumberKind,
    OrderRecord,
    Reading,
    System,
)
from erp_bridge.simulators.world import ALFA_CUSTOMER_ID, O3
from tests.b2b_orders.ingest.conftest import run_lanes, run_sync

pytestmark = pytest.mark.django_db
ALFA = str(ALFA_CUSTOMER_ID)


class LiveOnly:
    """Finds one order of Alfa by its web number, and lists nothing."""

    name: ClassVar[str] = "live_only"
    interface: ClassVar[int] = INTERFACE

    def __init__(self, asked: list[str], can_find: bool) -> None:
        self.asked = asked
        self.can_find = can_find

    def declares(self) -> Declares:
        kinds = {NumberKind.WEB, NumberKind.ERP} if self.can_find else {NumberKind.ERP}
        return Declares(find=frozenset(kinds))

    def health(self, call: Call) -> Health:
        return Health(ok=True, account="live")

    def find(self, company: CompanyRef, kind: NumberKind, value: str, call: Call) -> list[Reading]:
        self.asked.append(f"find {value}")
        is_theirs = ALFA in company.customer_ids and value == O3.web_number
        return [_reading(Detail.SUMMARY)] if is_theirs else []

    def period(self, company: CompanyRef, first: date, last: date, call: Call) -> Iterator[Page]:
        raise Unsupported("lists nothing")

    def changed(
        self, company: CompanyRef | None, cursor: str, since: datetime, call: Call
    ) -> Iterator[Page]:
        raise Unsupported("lists nothing")

    def order(self, company: CompanyRef, external_id: str, call: Call) -> Reading:
        self.asked.append(f"order {external_id}")
        if ALFA not in company.customer_ids:
            raise NotFound("has no such order")
        return _reading(Detail.FULL)

    def documents(self, company: CompanyRef, external_id: str, call: Call) -> list[DocumentRecord]:
        return []

    def open_document(
        self, company: CompanyRef, external_id: str, document_key: str, call: Call
    ) -> AbstractContextManager[DocumentStream]:
        raise NotFound("serves no files")

    def close(self) -> None:
        pass


def _reading(detail: Detail) -> Reading:
    record = OrderRecord(
        System.ERP,
        "E-1",
        detail,
        customer_id=ALFA,
        erp_numbers=("E-1",),
        fulfilment=Fulfilment.DELIVERED,
        documents=() if detail is Detail.FULL else None,
    )
    return Reading(replace(record), b"{}", datetime.now(UTC))


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture(params=[True, False], ids=["finds-web-numbers", "does-not"])
def can_find(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def live_only(
    asked: list[str], can_find: bool, monkeypatch: pytest.MonkeyPatch, db: None
) -> Connection:
    kind = registry.ErpKind(
        "Live only",
        System.ERP,
        "token",
        lambda settings, secret, policy: None,
        lambda source, settings, secret, policy, learned: LiveOnly(asked, can_find),
    )
    kinds: Mapping[str, Any] = {**registry.KINDS, "live_only": kind}
    monkeypatch.setattr(registry, "KINDS", kinds)
    return save_connection(
        kind="live_only", name="erp", settings={}, secret="t", now=datetime.now(UTC), label="ERP"
    )


def test_its_poll_lane_ties_web_orders_if_it_can_and_never_fails(
    loja: Connection,
    live_only: Connection,
    companies: dict[str, Company],
    asked: list[str],
    can_find: bool,
):
    run_sync(loja)

    for _ in range(3):
        run = run_lanes(live_only, LaneName.POLL, LaneName.INBOX)
        assert (run.tally.failed, run.troubles) == (0, [])

    found = dict(SourceRecord.objects.filter(connection="erp").values_list("external_id", "detail"))
    assert found == ({"E-1": "full"} if can_find else {})
    assert bool(asked) is can_find
    assert not Parked.objects.exists()
    assert not Run.objects.exclude(error="").exists()
    assert set(Stream.objects.filter(connection=live_only).values_list("kind", flat=True)) <= {
        *("links", "customers")
    }
    if can_find:
        orders = {
            number.order_id for number in OrderNumber.objects.filter(value__in=["E1", O3.sequence])
        }
        assert len(orders) == 1


def test_a_sync_from_end_to_end_does_as_little_and_fails_as_little(
    live_only: Connection, companies: dict[str, Company], asked: list[str]
):
    run = run_sync(live_only, everything=True)

    assert (run.tally.read, run.tally.failed) == (0, 0)
    assert asked == []
    assert not Parked.objects.exists()
