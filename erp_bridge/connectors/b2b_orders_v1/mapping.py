"""Payload to record, pure: both published generations of the contract in one table of names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from erp_bridge.connectors.b2b_orders_v1.config import B2BOrdersV1Config
from erp_bridge.connectors.b2b_orders_v1.documents import (
    Entry,
    access_key,
    invoice_number,
    invoice_series,
    map_titles,
)
from erp_bridge.connectors.b2b_orders_v1.payloads import Fields
from erp_bridge.records import (
    Address,
    Detail,
    DocumentKind,
    Fulfilment,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Party,
    System,
)

# The old app's react/utils/order.ts. An invoice before 4 means that it is invoiced.
STATUSES = {
    "-1": Fulfilment.CANCELLED,
    "0": Fulfilment.PLACED,
    "1": Fulfilment.COMMERCIAL_REVIEW,
    "2": Fulfilment.CREDIT_REVIEW,
    "3": Fulfilment.PICKING,
    "4": Fulfilment.SHIPPED,
    "5": Fulfilment.DELIVERED,
}
_BEFORE_INVOICE = frozenset({"0", "1", "2", "3"})
INVOICE_FILES = frozenset({DocumentKind.NFE_XML, DocumentKind.DANFE})
ID_LENGTH = 80


def order_id(payload: Fields) -> str:
    """Return the source's key of an order as it wrote it, "" when there is none to use."""
    written = payload.text("pedidoErpId", limit=ID_LENGTH + 1)
    return written if len(written) <= ID_LENGTH else ""


def map_row(row: Fields, customer_id: str, config: B2BOrdersV1Config) -> OrderRecord:
    """Map a row of a search: a summary."""
    placed = row.when("dataPedido", zone=config.time_zone)
    invoices = _invoices(row, (), config.emitter)
    return OrderRecord(
        system=System.ERP,
        external_id=order_id(row),
        detail=Detail.SUMMARY,
        web_numbers=_web_numbers(row, config),
        erp_numbers=_erp_numbers(row, config),
        customer_numbers=customer_numbers(row),
        customer_id=customer_id,
        fulfilment=_fulfilment(row, has_invoice=bool(invoices)),
        status_raw=row.text("status", limit=100),
        placed_at=placed.at,
        placed_on=placed.on,
        placed_by_name=row.text("nomeVendedor", limit=150),
        placed_by_code=row.text("codigoVendedor", limit=60),
        currency=config.currency,
        total=row.decimal("totalPedido", "valorTotalPedido"),
        note=row.text("observacao", limit=2000),
        invoices=invoices,
    )


def map_details(
    details: Fields,
    customer_id: str,
    config: B2BOrdersV1Config,
    *,
    files: tuple[Entry, ...] | None = None,
    known_customer_number: str = "",
) -> OrderRecord:
    """Map a details answer, and the order's files when they were asked for."""
    documents = None if files is None else tuple(entry.record for entry in files)
    placed = details.when("dataPedido", zone=config.time_zone)
    invoices = _invoices(details, files or (), config.emitter)
    own_numbers = customer_numbers(details)
    return OrderRecord(
        system=System.ERP,
        external_id=order_id(details),
        web_numbers=_web_numbers(details, config),
        erp_numbers=_erp_numbers(details, config),
        customer_numbers=own_numbers or ((known_customer_number,) if known_customer_number else ()),
        customer=_customer(details),
        customer_id=customer_id,
        fulfilment=_fulfilment(details, has_invoice=bool(invoices)),
        status_raw=details.text("status", limit=100),
        placed_at=placed.at,
        placed_on=placed.on,
        promised_on=details.when("dataPrevisaoEntrega", zone=config.time_zone).on,
        placed_by_name=details.text("nomeVendedor", limit=150),
        placed_by_code=details.text("codigoVendedor", limit=60),
        currency=config.currency,
        total=details.decimal("valorTotalPedido", "totalPedido"),
        freight=details.decimal("valorFrete"),
        payment_terms=_payment_terms(details),
        note=details.text("observacao", limit=2000),
        billing=_billing(details),
        delivery=_delivery(details),
        delivery_method=details.text("deliveryMethod"),
        tracking_url=web_address(details.text("linkTransportadora", limit=500)),
        lines=_lines(details),
        invoices=invoices,
        titles=map_titles(documents or ()),
        documents=documents,
    )


def customer_numbers(payload: Fields) -> tuple[str, ...]:
    """Return the customer's own numbers; the old screens also read `meuPedido`."""
    return _distinct(payload.text(name, limit=80) for name in ("pedidoClienteId", "meuPedido"))


def web_address(text: str) -> str:
    """Return an http(s) address, completed when it lacks its scheme, else ""."""
    if not text:
        return ""
    if not re.match(r"[a-z][a-z0-9+.-]*:", text, re.IGNORECASE) or re.match(r"[\w.-]+:\d", text):
        text = "https://" + text.removeprefix("//")
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    is_usable = parts.scheme.lower() in {"http", "https"} and "." in (parts.hostname or "")
    return text if is_usable and not re.search(r"\s", text) else ""


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _web_numbers(payload: Fields, config: B2BOrdersV1Config) -> tuple[str, ...]:
    own = order_id(payload) if config.erp_id_is == "web" else ""
    return _distinct((own, payload.text("pedidoId", limit=80)))


def _erp_numbers(payload: Fields, config: B2BOrdersV1Config) -> tuple[str, ...]:
    own = order_id(payload) if config.erp_id_is == "erp" else ""
    return _distinct((own, payload.text("pedidoErp", limit=80)))


def _fulfilment(payload: Fields, *, has_invoice: bool) -> Fulfilment:
    status = payload.text("status")
    if has_invoice and status in _BEFORE_INVOICE:
        return Fulfilment.INVOICED
    return STATUSES.get(status, Fulfilment.UNMAPPED)


def _customer(details: Fields) -> Party:
    tax_id = details.text("clienteFinalCnpj") or details.text("clienteFinalCpf")
    return Party(
        name=details.text("clienteFinalNome", "billingAddressCorpname", "corpname", limit=150),
        tax_id=re.sub(r"[^0-9A-Z]", "", tax_id.upper())[:20],
    )


def _payment_terms(details: Fields) -> str:
    method = details.text("paymentMethod", "methodPayment")
    options = details.text("paymentOptions", "methodPaymentInfo")
    return " · ".join(_distinct((method, options)))[:300]


def _billing(details: Fields) -> Address:
    """Read the billing address; the older generation's only one, whose city holds the state."""
    return Address(
        recipient=details.text("billingAddressCorpname", "corpname"),
        street=details.text("billingAddressFormattedAddress", "formattedAddress"),
        city=details.text("billingAddressCity", "cityState"),
        state=details.text("billingAddressState"),
        postal_code=details.text("billingAddressZipcode", "zipcode"),
    )


def _delivery(details: Fields) -> Address:
    address = Address(
        recipient=details.text("deliveryAddressCorpname"),
        street=details.text("deliveryAddressFormattedAddress"),
        city=details.text("deliveryAddressCity"),
        state=details.text("deliveryAddressState"),
        postal_code=details.text("deliveryAddressZipcode"),
    )
    # The older generation has one address for both; the newer one always names its own.
    is_older = address == Address() and details.raw("formattedAddress") is not None
    return _billing(details) if is_older else address


def _lines(details: Fields) -> tuple[OrderLine, ...]:
    """Read the items: the top-level list is the whole order, the centres' are its parts."""
    centres = details.objects("centrosDeDistribuicao")
    items = [(item, "") for item in details.objects("itens")]
    warehouses: dict[str, set[str]] = {}
    for centre in centres:
        prefix = centre.text("distributionCenterPrefix")
        for item in centre.objects("itens"):
            warehouses.setdefault(item.text("partNumber"), set()).add(prefix)
    if not items:
        items = [
            (item, centre.text("distributionCenterPrefix"))
            for centre in centres
            for item in centre.objects("itens")
        ]
    return tuple(
        _line(position, item, warehouse or _only(warehouses.get(item.text("partNumber"))))
        for position, (item, warehouse) in enumerate(items, start=1)
    )


def _line(position: int, item: Fields, warehouse: str) -> OrderLine:
    return OrderLine(
        position=position,
        sku=item.text("partNumber", limit=80),
        name=item.text("descricaoDoProduto"),
        quantity=item.decimal("quantidade"),
        unit_price=item.decimal("valorUnitario"),
        total=item.decimal("valorTotal"),
        warehouse=warehouse,
        unit=item.text("unidade", limit=20),
        customer_code=item.text("codigoNoCliente", limit=80),
        discount=item.decimal("valorDesconto"),
        tax=item.decimal("valorImpostos"),
        reserved=item.decimal("quantidadeReservada"),
        invoiced=item.decimal("quantidadeFaturada"),
        shipped=item.decimal("quantidadeExpedida"),
        cancelled=item.decimal("quantidadeCancelada"),
    )


def _only(values: set[str] | None) -> str:
    return next(iter(values)) if values and len(values) == 1 else ""


def _invoices(payload: Fields, files: Sequence[Entry], emitter: str) -> tuple[InvoiceRecord, ...]:
    """Read the order's invoice, and further ones that its XML and DANFE files name."""
    found: dict[tuple[str, str], InvoiceRecord] = {}
    number, series = _number_and_series(payload)
    if number:
        key = access_key(payload.text("chaveAcesso"))
        found[number, series] = InvoiceRecord(
            number=number, series=series, access_key=key, emitter=key[6:20] or emitter
        )
    for entry in files:
        if entry.record.kind in INVOICE_FILES and entry.record.invoice_number:
            _add_invoice(found, entry, emitter)
    return tuple(found.values())


def _number_and_series(payload: Fields) -> tuple[str, str]:
    written = payload.text("notaFiscal", limit=40)
    series = payload.text("serieNotaFiscal", limit=10)
    if not series and (match := re.fullmatch(r"(\d{1,9})\s*/\s*(\d{1,3})", written, re.ASCII)):
        written, series = match[1], match[2]
    return invoice_number(written), invoice_series(series)


def _add_invoice(found: dict[tuple[str, str], InvoiceRecord], entry: Entry, emitter: str) -> None:
    """Add the invoice that a file names, or what the file knows of one that is there."""
    document = entry.record
    number, series = document.invoice_number, document.invoice_series
    same = [key for key in found if key[0] == number and (key[1] == series or not series)]
    if not same and (number, "") in found:
        same = [(number, "")]
    before = found.pop(same[0]) if len(same) == 1 else InvoiceRecord(number=number)
    series = series or before.series
    found[number, series] = InvoiceRecord(
        number=number,
        series=series,
        access_key=before.access_key or entry.access_key,
        emitter=(before.access_key or entry.access_key)[6:20] or emitter,
        issued_on=before.issued_on or document.issued_on,
        total=document.amount if before.total is None else before.total,
    )
