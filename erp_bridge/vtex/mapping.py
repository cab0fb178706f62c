"""From a VTEX order to our record: pure, and tolerant of every absent, null or new field.

VTEX writes amounts in cents and moments in UTC; the record has `Decimal` in the order's
currency, and days in the store's time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from erp_bridge.errors import ContractViolation
from erp_bridge.identifiers import (
    access_key_parts,
    boleto_due_on,
    boleto_line,
    clean,
    normalise_access_key,
    normalise_tax_id,
    valid_barcode,
    valid_boleto_line,
)
from erp_bridge.records import (
    Address,
    EventRecord,
    Fulfilment,
    InvoiceLine,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Party,
    System,
    TitleRecord,
    TitleState,
)
from erp_bridge.vtex.config import Place, VtexConfig
from erp_bridge.vtex.sanitise import sanitise
from erp_bridge.vtex.statuses import (
    fulfilment_of,
    invoicing_of,
    is_cancel_requested,
    is_return,
    payment_of,
    sold_parcels,
)
from erp_bridge.vtex.values import cents, child, day, moment, rows, text, whole

__all__ = ["map_order", "sanitise"]

Payload = Mapping[str, Any]
_MAX_NUMBER = 80
# A store's own pattern runs over no more of a note than this.
_MAX_NOTE = 2000
_KEY_IN_XML = re.compile(r"(?:Id=[\"']NFe|<chNFe>)([0-9A-Z]{44})[\"'<]", re.ASCII)


def map_order(payload: dict[str, Any], config: VtexConfig) -> OrderRecord:
    """Build our record of an order; `ContractViolation` only when it has no id."""
    order_id = text(payload, "orderId")
    if not order_id:
        raise ContractViolation("an order without its id", path="orderId", operation="order")
    zone = config.time_zone
    placed_at = moment(payload, "creationDate")
    profile = child(payload, "clientProfileData")
    totals = {text(total, "id"): cents(total, "value") for total in rows(payload, "totals")}
    delivery = _address(child(child(payload, "shippingData"), "address"))
    billing = _address(child(child(payload, "invoiceData"), "address"))
    logistics = rows(child(payload, "shippingData"), "logisticsInfo")
    promised = [on for row in logistics if (on := day(row, "shippingEstimateDate", zone))]
    campaign = text(child(payload, "marketingData"), "utmCampaign")
    return OrderRecord(
        system=System.VTEX,
        external_id=order_id,
        version=moment(payload, "lastChange"),
        web_numbers=_distinct(
            text(payload, name)
            for name in ("orderId", "sequence", "marketplaceOrderId", "sellerOrderId")
        ),
        customer_numbers=_customer_numbers(payload, config),
        customer=_customer(profile),
        organization_id=campaign if config.trust_organization else "",
        fulfilment=fulfilment_of(payload),
        invoicing=invoicing_of(payload),
        payment=payment_of(payload),
        status_raw=text(payload, "status"),
        cancel_requested=is_cancel_requested(payload),
        placed_at=placed_at,
        placed_on=placed_at.astimezone(zone).date() if placed_at else None,
        promised_on=max(promised, default=None),
        placed_by_name=_person(profile),
        placed_by_code=text(child(payload, "callCenterOperatorData"), "userName", "id"),
        channel=text(payload, "salesChannel"),
        currency=text(child(payload, "storePreferencesData"), "currencyCode") or "BRL",
        total=cents(payload, "value"),
        items_total=totals.get("Items"),
        discount=totals.get("Discounts"),
        freight=totals.get("Shipping"),
        taxes=totals.get("Tax"),
        payment_terms=", ".join(_distinct(_payment_words(p) for p in _payments(payload))),
        note=text(child(payload, "openTextField"), "value")[:_MAX_NOTE],
        # Without an address of its own the bill goes where the goods go.
        billing=billing if billing != Address() else delivery,
        delivery=delivery,
        delivery_method=", ".join(_distinct(text(row, "selectedSla") for row in logistics)),
        tracking_url=next(
            (url for parcel in sold_parcels(payload) if (url := _link(parcel, "trackingUrl"))), ""
        ),
        lines=_lines(payload, logistics),
        invoices=_invoices(payload, config),
        titles=_titles(payload, config),
        events=tuple(sorted(_events(payload), key=lambda event: event.at)),
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


# --- who ----------------------------------------------------------------------------


def _person(profile: Payload) -> str:
    return " ".join(_distinct((text(profile, "firstName"), text(profile, "lastName"))))


def _customer(profile: Payload) -> Party:
    """Build whose order it is. The e-mail is an alias of VTEX's and says nothing."""
    if profile.get("isCorporate") is True:
        name, document = text(profile, "corporateName", "tradeName"), "corporateDocument"
    else:
        name, document = _person(profile), "document"
    return Party(name=name, tax_id=normalise_tax_id(text(profile, document)))


def _customer_numbers(payload: Payload, config: VtexConfig) -> tuple[str, ...]:
    for rule in config.customer_numbers:
        for number in _PLACES[rule.place](payload, rule.name):
            if number and len(number) <= _MAX_NUMBER:
                return (number,)
    return ()


def _in_app(payload: Payload, name: str) -> Iterator[str]:
    app_id, _, field = name.rpartition("/")
    for app in rows(child(payload, "customData"), "customApps"):
        if text(app, "id") == app_id:
            yield text(child(app, "fields"), field)


def _in_field(payload: Payload, name: str) -> Iterator[str]:
    groups = rows(child(payload, "customData"), "customFields")
    groups.sort(key=lambda group: text(child(group, "linkedEntity"), "type") != "order")
    for group in groups:
        for field in rows(group, "fields"):
            if _plain(text(field, "name")) == _plain(name):
                yield text(field, "value")


def _in_attachment(payload: Payload, name: str) -> Iterator[str]:
    for item in rows(payload, "items"):
        for attachment in (*rows(item, "attachments"), child(item, "itemAttachment")):
            content = child(attachment, "content")
            yield from (text(content, key) for key in content if _plain(key) == _plain(name))


def _in_note(payload: Payload, pattern: str) -> Iterator[str]:
    found = re.search(pattern, text(child(payload, "openTextField"), "value")[:_MAX_NOTE])
    if found:
        yield (found.group(1) if found.re.groups else found.group()).strip()


_PLACES = {
    Place.APP: _in_app,
    Place.FIELD: _in_field,
    Place.ATTACHMENT: _in_attachment,
    Place.NOTE: _in_note,
}


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


# --- what ---------------------------------------------------------------------------


def _lines(payload: Payload, logistics: list[dict[str, Any]]) -> tuple[OrderLine, ...]:
    warehouses = {
        whole(row, "itemIndex"): text(delivery, "warehouseId")
        for row in logistics
        for delivery in rows(row, "deliveryIds")[:1]
    }
    items = rows(payload, "items")
    taxes = _line_taxes(payload, items)
    return tuple(
        _line(index, item, warehouses.get(index, ""), taxes[index])
        for index, item in enumerate(items)
    )


def _line_taxes(payload: Payload, items: list[dict[str, Any]]) -> list[Decimal | None]:
    """Read the lines' taxes, where they add up to the order's.

    `items[].tax` is a piece's in some accounts and the whole line's in others: VTEX says neither.
    """
    total = next(
        (cents(row, "value") for row in rows(payload, "totals") if text(row, "id") == "Tax"), None
    )
    stated = [cents(item, "tax") for item in items]
    known = [tax for tax in stated if tax is not None]
    if not total or len(known) < len(items):
        return [None] * len(items)
    for taxes in (
        known,
        [t * (whole(i, "quantity") or 0) for t, i in zip(known, items, strict=True)],
    ):
        if sum(taxes) == total:
            return list(taxes)
    return [None] * len(items)


def _line_discount(item: Payload, quantity: int | None, total: Decimal | None) -> Decimal | None:
    """Say what was taken off a line: its price before, less its total, where both are certain."""
    price, multiplier = cents(item, "price"), item.get("unitMultiplier")
    if price is None or quantity is None or total is None or multiplier not in (None, 1, 1.0):
        return None
    tags = [value for tag in rows(item, "priceTags") if (value := cents(tag, "value"))]
    taken_off = price * quantity - total
    return taken_off if taken_off > 0 and any(value < 0 for value in tags) else None


def _line(index: int, item: Payload, warehouse: str, tax: Decimal | None) -> OrderLine:
    quantity = whole(item, "quantity")
    # The description names it one way and shows it another.
    definition = child(item, "priceDefinition") or child(item, "priceDefinitions")
    price, total = cents(item, "sellingPrice"), cents(definition, "total")
    return OrderLine(
        position=index + 1,
        sku=text(item, "refId", "sellerSku", "id"),
        name=text(item, "name"),
        quantity=None if quantity is None else Decimal(quantity),
        unit=text(item, "measurementUnit"),
        unit_price=cents(item, "price") if price is None else price,
        total=total,
        warehouse=warehouse,
        discount=_line_discount(item, quantity, total),
        tax=tax,
    )


def _address(address: Payload) -> Address:
    street = ", ".join(
        part for name in ("street", "number", "complement") if (part := text(address, name))
    )
    return Address(
        recipient=text(address, "receiverName"),
        street=street,
        district=text(address, "neighborhood"),
        city=text(address, "city"),
        state=text(address, "state"),
        postal_code=text(address, "postalCode"),
        country=text(address, "country"),
    )


def _link(holder: Payload, name: str) -> str:
    url = text(holder, name)
    return url if url.lower().startswith(("https://", "http://")) else ""


# --- invoices -------------------------------------------------------------------------


def _invoices(payload: Payload, config: VtexConfig) -> tuple[InvoiceRecord, ...]:
    parcels = rows(child(payload, "packageAttachment"), "packages")
    count = len(rows(payload, "items"))
    return tuple(_invoice(parcel, count, config) for parcel in parcels)


def _invoice(parcel: Payload, line_count: int, config: VtexConfig) -> InvoiceRecord:
    written = text(parcel, "invoiceNumber")
    number = written.lstrip("0") or written if written.isdecimal() else written
    key = _access_key(parcel)
    # What the key says was signed; the number beside it was typed.
    parts = access_key_parts(key) if key else None
    status = child(parcel, "courierStatus")
    return InvoiceRecord(
        number=parts.number if parts else number,
        series=parts.series if parts else "",
        access_key=key,
        emitter=parts.emitter if parts else "",
        issued_on=day(parcel, "issuanceDate", config.time_zone),
        total=cents(parcel, "invoiceValue"),
        carrier=text(parcel, "courier"),
        tracking_number=text(parcel, "trackingNumber"),
        tracking_url=_link(parcel, "trackingUrl"),
        delivered_at=moment(status, "deliveredDate") if status.get("finished") is True else None,
        is_return=is_return(parcel),
        lines=tuple(_invoice_lines(parcel, line_count)),
    )


def _access_key(parcel: Payload) -> str:
    """Find the access key where it should be, else in the invoice's own XML; checked."""
    key = normalise_access_key(text(parcel, "invoiceKey"))
    if access_key_parts(key):
        return key
    found = _KEY_IN_XML.search(text(parcel, "embeddedInvoice"))
    return found.group(1) if found and access_key_parts(found.group(1)) else ""


def _invoice_lines(parcel: Payload, line_count: int) -> Iterator[InvoiceLine]:
    quantities: dict[int, int] = {}
    for item in rows(parcel, "items"):
        index, quantity = whole(item, "itemIndex"), whole(item, "quantity")
        if index is not None and quantity and 0 <= index < line_count:
            quantities[index] = quantities.get(index, 0) + quantity
    for index, quantity in quantities.items():
        yield InvoiceLine(position=index + 1, quantity=Decimal(quantity))


# --- payment --------------------------------------------------------------------------


def _payments(payload: Payload) -> list[dict[str, Any]]:
    transactions = rows(child(payload, "paymentData"), "transactions")
    active = [one for one in transactions if one.get("isActive") is True]
    return [payment for one in active for payment in rows(one, "payments")]


def _payment_words(payment: Payload) -> str:
    name, count = text(payment, "paymentSystemName"), whole(payment, "installments") or 1
    return f"{name} {count}x" if name and count > 1 else name


def _titles(payload: Payload, config: VtexConfig) -> tuple[TitleRecord, ...]:
    """Build the bank slips made at checkout; those made with the invoice are the ERP's."""
    boletos = (p for p in _payments(payload) if text(p, "group") == "bankInvoice")
    return tuple(_title(payload, payment, config) for payment in boletos)


def _title(payload: Payload, payment: Payload, config: VtexConfig) -> TitleRecord:
    line = _typeable_line(payment)
    reference = day(payload, "creationDate", config.time_zone)
    is_pending = text(payload, "status").lower() == "payment-pending"
    return TitleRecord(
        key=text(payment, "id") or line or "boleto",
        due_on=boleto_due_on(line, reference) if line and reference else None,
        amount=cents(payment, "value"),
        state=TitleState.OPEN if is_pending else TitleState.UNKNOWN,
        typeable_line=line,
    )


def _typeable_line(payment: Payload) -> str:
    """Find the 47 digits to type, made from the bar code where only that is given."""
    names = (
        "bankIssuedInvoiceIdentificationNumber",
        "bankIssuedInvoiceIdentificationNumberFormatted",
        "bankIssuedInvoiceBarCodeNumber",
    )
    for name in names:
        digits = clean(text(payment, name))
        if valid_boleto_line(digits):
            return digits
        if valid_barcode(digits):
            return boleto_line(digits)
    return ""


# --- what happened --------------------------------------------------------------------


def _events(payload: Payload) -> Iterator[EventRecord]:
    # A request that was denied leaves its data behind.
    is_cancelled = fulfilment_of(payload) is Fulfilment.CANCELLED
    cancellation = child(payload, "cancellationData") if is_cancelled else {}
    dated = (
        ("created", moment(payload, "creationDate"), ""),
        ("authorized", moment(payload, "authorizedDate"), ""),
        ("invoiced", moment(payload, "invoicedDate"), ""),
        (
            "cancelled",
            moment(cancellation, "CancellationDate", "cancellationDate"),
            text(cancellation, "Reason", "reason"),
        ),
    )
    for code, at, words in dated:
        if at:
            yield EventRecord(at=at, code=code, text=words)
    for request in rows(payload, "cancellationRequests"):
        if at := moment(request, "cancellationRequestDate"):
            yield EventRecord(at, "cancel_requested", text(request, "reason"))
    for parcel in sold_parcels(payload):
        yield from _tracking(parcel)


def _tracking(parcel: Payload) -> Iterator[EventRecord]:
    status = child(parcel, "courierStatus")
    for event in rows(status, "data"):
        if at := moment(event, "createDate", "lastChange"):
            place = "/".join(_distinct((text(event, "city"), text(event, "state"))))
            words = " · ".join(_distinct((text(event, "description"), place)))
            yield EventRecord(at, "tracking", words)
    if status.get("finished") is True and (at := moment(status, "deliveredDate")):
        yield EventRecord(at, "delivered", text(parcel, "invoiceNumber"))
