from __future__ import annotations

import pytest

from erp_bridge.records import Billing, Fulfilment, Payment
from erp_bridge.vtex.mapping import map_order
from erp_bridge.vtex.statuses import (
    STATUSES,
    fulfilment_of,
    invoicing_of,
    is_cancel_requested,
    payment_of,
)
from tests.erp_bridge.vtex.orders import config, order, parcel, with_parcels

F = Fulfilment


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("order-created", F.PLACED),
        ("on-order-completed", F.PLACED),
        ("waiting-for-sellers-confirmation", F.PLACED),
        ("waiting-for-order-authorization", F.AWAITING_APPROVAL),
        ("payment-pending", F.AWAITING_PAYMENT),
        ("approve-payment", F.AWAITING_PAYMENT),
        ("payment-approved", F.AWAITING_ERP),
        ("authorize-fulfillment", F.AWAITING_ERP),
        ("ready-for-handling", F.AWAITING_ERP),
        ("window-to-cancel", F.PICKING),
        ("start-handling", F.PICKING),
        ("handling", F.PICKING),
        ("invoice", F.INVOICED),
        ("invoiced", F.INVOICED),
        ("Invoiced", F.INVOICED),
        ("request-cancel", F.CANCEL_REQUESTED),
        ("cancellation-requested", F.CANCEL_REQUESTED),
        ("waiting-for-seller-decision", F.CANCEL_REQUESTED),
        ("payment-denied", F.CANCELLED),
        ("cancel", F.CANCELLED),
        ("canceled", F.CANCELLED),
        ("replaced", F.REPLACED),
        ("separacao-externa", F.UNMAPPED),
        ("", F.UNMAPPED),
        (None, F.UNMAPPED),
    ],
)
def test_a_status_without_parcels(status, ours):
    assert fulfilment_of(with_parcels(status)) is ours


def test_every_status_that_the_feed_can_filter_by_is_mapped():
    published = """order-created on-order-completed on-order-completed-ffm payment-pending
        waiting-for-order-authorization approve-payment payment-approved request-cancel
        waiting-for-seller-decision waiting-ffmt-authorization waiting-for-authorization
        waiting-for-manual-authorization authorize-fulfillment order-create-error
        order-creation-error window-to-cancel window-to-change-seller
        waiting-for-mkt-authorization waiting-seller-handling ready-for-handling start-handling
        handling invoice-after-cancellation-deny order-accepted invoice invoiced replaced
        cancellation-requested cancel canceled"""

    assert set(published.split()) <= set(STATUSES)


def test_vtex_alone_never_knows_of_a_release():
    assert {F.COMMERCIAL_REVIEW, F.CREDIT_REVIEW}.isdisjoint(STATUSES.values())


def test_an_unknown_status_is_kept_as_written():
    record = map_order(order(status="Separação-Externa"), config())

    assert (record.fulfilment, record.status_raw) == (F.UNMAPPED, "Separação-Externa")


@pytest.mark.parametrize(
    ("status", "parcels", "ours"),
    [
        ("handling", [parcel(12, 3)], F.PARTLY_INVOICED),
        ("handling", [parcel(12)], F.PARTLY_INVOICED),
        ("handling", [parcel(12, 4)], F.INVOICED),
        ("handling", [parcel(12, 2), parcel(0, 2)], F.INVOICED),
        ("handling", [parcel()], F.PARTLY_INVOICED),
        ("handling", [parcel(12, 3, finished=True)], F.PARTLY_INVOICED),
        ("payment-approved", [parcel(1)], F.PARTLY_INVOICED),
        ("handling", [parcel(12, 4, kind="Input")], F.PICKING),
        ("payment-pending", [parcel(1)], F.AWAITING_PAYMENT),
        ("canceled", [parcel(1)], F.CANCELLED),
        ("invoiced", [parcel(12, 4)], F.INVOICED),
        ("invoiced", [parcel(12, 4, events=1)], F.SHIPPED),
        ("invoiced", [parcel(12, finished=True), parcel(0, 4)], F.SHIPPED),
        ("invoiced", [parcel(12, finished=True), parcel(0, 4, finished=True)], F.DELIVERED),
        ("invoiced", [parcel(12, 4, finished=True)], F.DELIVERED),
        ("invoiced", [parcel(12, 3, finished=True)], F.SHIPPED),
        ("invoiced", [parcel(finished=True)], F.DELIVERED),
        ("invoiced", [parcel(12, 4, finished=True), parcel(1, kind="Input")], F.DELIVERED),
        ("invoiced", [parcel(12, 4, kind="Input", finished=True)], F.INVOICED),
        ("invoice", [parcel(12, 4, events=1)], F.INVOICED),
        ("handling", [{"items": [{"quantity": 12}, {"itemIndex": 0}]}], F.PARTLY_INVOICED),
        ("invoiced", [{}], F.INVOICED),
        ("invoiced", [None, "x"], F.INVOICED),
    ],
)
def test_parcels_say_how_far_the_goods_are(status, parcels, ours):
    assert fulfilment_of(with_parcels(status, *parcels)) is ours


@pytest.mark.parametrize(
    ("status", "asked", "is_requested"),
    [
        ("waiting-for-seller-decision", None, True),
        ("handling", None, False),
        ("handling", {"deniedBySeller": False}, True),
        ("handling", {}, True),
        ("handling", {"deniedBySeller": True}, False),
        ("handling", {"cancellationRequestDenyDate": "2026-01-01T00:00:00Z"}, False),
        ("canceled", {"deniedBySeller": False}, False),
    ],
)
def test_a_request_to_cancel_stands_until_it_is_decided(status, asked, is_requested):
    requests = [asked] if asked is not None else None

    assert is_cancel_requested(order(status=status, cancellationRequests=requests)) is is_requested


@pytest.mark.parametrize(
    ("status", "authorised", "expected"),
    [
        ("payment-pending", None, Payment.AWAITING),
        ("payment-approved", None, Payment.AUTHORISED),
        ("handling", "2026-03-10T13:00:00Z", Payment.AUTHORISED),
        ("handling", None, Payment.UNKNOWN),
        ("invoiced", "2026-03-10T13:00:00Z", Payment.AUTHORISED),
        ("payment-denied", None, Payment.DENIED),
        ("canceled", None, Payment.CANCELLED),
        ("canceled", "2026-03-10T13:00:00Z", Payment.UNKNOWN),
        ("a-new-word", None, Payment.UNKNOWN),
        ("", None, Payment.UNKNOWN),
    ],
)
def test_authorised_is_the_most_that_the_site_says_of_money(status, authorised, expected):
    assert payment_of({"status": status, "authorizedDate": authorised}) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [("invoiced", Billing.INVOICED), ("invoice", Billing.UNKNOWN), ("handling", Billing.UNKNOWN)],
)
def test_the_word_says_that_all_is_invoiced_only_when_it_is(status, expected):
    assert invoicing_of({"status": status}) is expected
