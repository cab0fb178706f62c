"""VTEX's words for how far an order is, in ours."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from erp_bridge.records import Billing, Fulfilment, Payment
from erp_bridge.vtex.values import child, moment, rows, text, whole

_WORDS: Mapping[Fulfilment, str] = MappingProxyType(
    {
        Fulfilment.PLACED: """order-created order-completed on-order-completed
            on-order-completed-ffm order-create-error order-creation-error order-accepted
            waiting-for-authorization waiting-for-seller-confirmation
            waiting-for-sellers-confirmation""",
        Fulfilment.AWAITING_APPROVAL: "waiting-for-order-authorization",
        Fulfilment.AWAITING_PAYMENT: """payment-pending approve-payment window-to-change-payment
            waiting-ffmt-authorization waiting-for-manual-authorization
            waiting-for-mkt-authorization""",
        # Paid and not yet taken up: VTEX alone never knows of a commercial or credit release.
        Fulfilment.AWAITING_ERP: """payment-approved authorize-fulfillment
            window-to-change-seller waiting-seller-handling ready-for-handling""",
        Fulfilment.PICKING: """window-to-cancel release-to-fulfillment start-handling handling
            waiting-for-fulfillment ready-for-invoicing invoice-after-cancellation-deny""",
        Fulfilment.INVOICED: "invoice ship invoiced",
        Fulfilment.CANCEL_REQUESTED: """request-cancel cancellation-requested
            waiting-for-seller-decision""",
        Fulfilment.CANCELLED: "payment-denied cancel canceling canceled",
        Fulfilment.REPLACED: "replace replaced",
    }
)
STATUSES: Mapping[str, Fulfilment] = MappingProxyType(
    {word: ours for ours, words in _WORDS.items() for word in words.split()}
)
# What a word says of the money, and no more: no word of VTEX's says that money came in.
_PAYMENT: Mapping[str, Payment] = MappingProxyType(
    {
        "payment-pending": Payment.AWAITING,
        "approve-payment": Payment.AWAITING,
        "window-to-change-payment": Payment.AWAITING,
        "payment-approved": Payment.AUTHORISED,
        "payment-denied": Payment.DENIED,
    }
)
# Where a part may be invoiced before the whole is; VTEX goes back to payment-approved then.
_BEFORE_INVOICED = frozenset({Fulfilment.AWAITING_ERP, Fulfilment.PICKING})
_ENDED = frozenset({Fulfilment.CANCELLED, Fulfilment.REPLACED})


def fulfilment_of(payload: Mapping[str, Any]) -> Fulfilment:
    """Say how far an order is, by its status and what its parcels tell."""
    ours = STATUSES.get(text(payload, "status").lower(), Fulfilment.UNMAPPED)
    parcels = sold_parcels(payload)
    if ours in _BEFORE_INVOICED and parcels:
        return Fulfilment.INVOICED if _covers(payload, parcels) else Fulfilment.PARTLY_INVOICED
    if text(payload, "status").lower() == "invoiced" and parcels:
        if all(_is_delivered(parcel) for parcel in parcels) and _may_cover(payload, parcels):
            return Fulfilment.DELIVERED
        if any(_is_on_its_way(parcel) for parcel in parcels):
            return Fulfilment.SHIPPED
    return ours


def invoicing_of(payload: Mapping[str, Any]) -> Billing:
    """Say that all is invoiced when VTEX found that the invoices add up to the order's value."""
    return Billing.INVOICED if text(payload, "status").lower() == "invoiced" else Billing.UNKNOWN


def payment_of(payload: Mapping[str, Any]) -> Payment:
    """Say what is known of the payment, by the status and the moment of authorisation.

    Authorised is the most that it can be. What was authorised and then cancelled may have
    been refunded, or never charged: nobody says, so it is unknown.
    """
    status = text(payload, "status").lower()
    was_authorised = moment(payload, "authorizedDate") is not None
    if status in _PAYMENT:
        return _PAYMENT[status]
    if STATUSES.get(status) is Fulfilment.CANCELLED:
        return Payment.UNKNOWN if was_authorised else Payment.CANCELLED
    return Payment.AUTHORISED if was_authorised else Payment.UNKNOWN


def is_cancel_requested(payload: Mapping[str, Any]) -> bool:
    """Say whether somebody asked to cancel and nobody has decided yet."""
    ours = STATUSES.get(text(payload, "status").lower())
    if ours is Fulfilment.CANCEL_REQUESTED:
        return True
    return ours not in _ENDED and any(
        not request.get("deniedBySeller") and not request.get("cancellationRequestDenyDate")
        for request in rows(payload, "cancellationRequests")
    )


def sold_parcels(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the parcels that left, without those that came back."""
    parcels = rows(child(payload, "packageAttachment"), "packages")
    return [parcel for parcel in parcels if not is_return(parcel)]


def is_return(parcel: Mapping[str, Any]) -> bool:
    """Say whether an invoice is for goods that come back."""
    return text(parcel, "type").lower() == "input"


def _is_delivered(parcel: Mapping[str, Any]) -> bool:
    return child(parcel, "courierStatus").get("finished") is True


def _is_on_its_way(parcel: Mapping[str, Any]) -> bool:
    return _is_delivered(parcel) or bool(rows(child(parcel, "courierStatus"), "data"))


def _covers(payload: Mapping[str, Any], parcels: list[dict[str, Any]]) -> bool:
    """Whether every item's quantity is in the parcels, as far as they list items."""
    packed: dict[int, Decimal] = {}
    for parcel in parcels:
        for item in rows(parcel, "items"):
            index, quantity = whole(item, "itemIndex"), whole(item, "quantity")
            if index is not None and quantity is not None:
                packed[index] = packed.get(index, Decimal(0)) + quantity
    ordered = [whole(item, "quantity") or 0 for item in rows(payload, "items")]
    return bool(packed) and all(packed.get(i, 0) >= wanted for i, wanted in enumerate(ordered))


def _may_cover(payload: Mapping[str, Any], parcels: list[dict[str, Any]]) -> bool:
    # An invoice need not list its items; VTEX has found the whole value invoiced.
    return not all(rows(parcel, "items") for parcel in parcels) or _covers(payload, parcels)
