"""Bodies of the old ERP contract, in both of its published generations.

`readme` is the app's last README (0.2.0); `guide` the older one that VTEX's guide showed.
Only the first carries the optional extension fields of docs/erp-contract.md.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from erp_bridge.simulators.catalogue import PRODUCTS
from erp_bridge.simulators.documents import Document, FileKind
from erp_bridge.simulators.faults import Json
from erp_bridge.simulators.model import (
    BRASILIA,
    SELLER,
    ErpOrder,
    Order,
    Part,
    Title,
    access_key,
)
from erp_bridge.simulators.pdfs import pix_of, print_tax_id, slip_line_of

Generation = Literal["readme", "guide"]


def _reais(cents: int) -> float:
    # Two decimals survive a float's shortest form unharmed.
    return round(cents / 100, 2)


def _moment(moment: datetime, generation: Generation) -> str:
    if generation == "guide":
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return moment.astimezone(BRASILIA).isoformat(timespec="seconds")


def _day(day: date, generation: Generation) -> str:
    return _moment(datetime.combine(day, time(), BRASILIA), generation)


def _telesales(erp: ErpOrder, generation: Generation) -> Json:
    if generation == "guide" or not erp.seller_code:
        return {}
    return {"codigoVendedor": erp.seller_code, "nomeVendedor": erp.seller_name}


def _first_invoice(erp: ErpOrder) -> tuple[str | None, str | None]:
    """Give the one invoice that the contract has room for."""
    if not erp.invoices:
        return None, None
    return str(erp.invoices[0].number), str(erp.invoices[0].series)


def search_row(erp: ErpOrder, generation: Generation) -> Json:
    """Make one row of the search's answer."""
    number, series = _first_invoice(erp)
    return {
        "pedidoErpId": erp.number,
        "pedidoClienteId": erp.customer_number or None,
        "totalPedido": _reais(erp.total),
        "status": erp.status,
        "dataPedido": _moment(erp.placed_at, generation),
        "observacao": erp.note,
        "notaFiscal": number,
        "serieNotaFiscal": series,
        **_telesales(erp, generation),
    }


def changed_row(order: Order, erp: ErpOrder, generation: Generation, skew: timedelta) -> Json:
    """Make one row of what changed: it says whose it is, and when by the ERP's clock."""
    stamp = (erp.changed_at + skew).astimezone(BRASILIA)
    return {
        **search_row(erp, generation),
        "revendaId": order.company.customer_id,
        "alteradoEm": stamp.isoformat(timespec="milliseconds"),
    }


def details(order: Order, erp: ErpOrder, generation: Generation) -> Json:
    """Make the details of one order."""
    number, series = _first_invoice(erp)
    lines = _lines(order, erp, generation)
    promised = order.placed_on.fromordinal(order.placed_on.toordinal() + 8)
    tracked = erp.invoices[0] if erp.invoices else None
    return {
        "pedidoErpId": erp.number,
        "status": erp.status,
        "itens": lines,
        "revendaId": order.company.customer_id,
        "clienteFinalId": str(order.company.customer_id),
        "clienteFinalCnpj": order.establishment.tax_id,
        "clienteFinalCpf": None,
        "valorFrete": _reais(erp.freight),
        "valorTotalPedido": _reais(erp.total),
        "dataPedido": _moment(erp.placed_at, generation),
        "dataPrevisaoEntrega": _day(promised, generation),
        "observacao": erp.note,
        "notaFiscal": number,
        "serieNotaFiscal": series,
        "linkTransportadora": (
            f"https://vereda.example/rastreio/TRK{tracked.number}{tracked.series}BR"
            if tracked
            else None
        ),
        **(_readme(order, erp) if generation == "readme" else _guide(order, erp)),
        "centrosDeDistribuicao": [
            {
                "distributionCenterPrefix": erp.warehouse,
                "itens": lines,
                "valorFrete": _reais(erp.freight),
                "valorTotalCD": _reais(erp.total),
            }
        ],
        **_telesales(erp, generation),
    }


def _readme(order: Order, erp: ErpOrder) -> Json:
    place = order.establishment.place
    street = f"{place.street}, {place.number} - {place.district}"
    return {
        "clienteFinalNome": order.company.name,
        "paymentMethod": "Boleto",
        "paymentOptions": _terms(erp),
        "deliveryMethod": "Transportadora",
        "billingAddressCorpname": order.company.name,
        "billingAddressFormattedAddres": street,
        "billingAddressCity": place.city,
        "billingAddressState": place.state,
        "billingAddresszipcode": place.postal_code,
        "deliveryAddressCorpname": order.establishment.name,
        "deliveryAddressformattedAddres": street,
        "deliveryAddressCity": place.city,
        "deliveryAddressState": place.state,
        "deliveryAddresszipcode": place.postal_code,
    }


def _guide(order: Order, erp: ErpOrder) -> Json:
    place = order.establishment.place
    return {
        "formattedAddres": f"{place.street}, {place.number} - {place.district}",
        "zipcode": place.postal_code,
        "methodPayment": "Boleto",
        "corpname": order.company.name,
        "corpemail": f"contato@{order.company.key}.example",
        "cityState": f"{place.city}{place.state}",
        "methodPaymentInfo": _terms(erp),
    }


def _terms(erp: ErpOrder) -> str:
    return "/".join(str(days) for days in erp.terms) + " dias" if erp.terms else "À vista"


def _lines(order: Order, erp: ErpOrder, generation: Generation) -> list[Json]:
    parts = [Part(position, order.items[position].quantity) for position in erp.positions]
    made: list[Json] = []
    for part in parts:
        item = order.items[part.position]
        product = PRODUCTS[item.product]
        made.append(
            {
                "partNumber": product.reference,
                "descricaoDoProduto": product.name,
                "quantidade": float(part.quantity),
                "valorUnitario": _reais(item.price),
                "valorTotal": _reais(item.total),
                # The reseller's commission: a secret that must never leave its source.
                "comissao": _reais(item.total // 25),
                **(_progress(erp, part.position) if generation == "readme" else {}),
            }
        )
    return made


# Goods have left from here on.
_DISPATCHED = 4


def _progress(erp: ErpOrder, position: int) -> Json:
    """Say of a line how much of it is invoiced, and has left."""
    invoiced = sum(
        part.quantity
        for invoice in erp.invoices
        if not invoice.cancelled
        for part in invoice.parts
        if part.position == position
    )
    made: Json = {"unidade": "UN", "quantidadeFaturada": float(invoiced)}
    if erp.status >= _DISPATCHED:
        made["quantidadeExpedida"] = float(invoiced)
    return made


def document_entry(
    document: Document, url: str | None, generation: Generation, body: bytes | None = None
) -> Json:
    """Make one entry of the list of documents; with a body, the file is in the entry."""
    described = document.description
    title = document.title
    entry: Json = {"tipoArquivo": int(document.kind), "descricao": described, "url": url}
    if generation == "guide":
        if title and title.settled_on:
            word = "pago" if title.paid_on else "cancelado"
            entry["descricao"] = f"{described} - {word} em {title.settled_on:%d/%m/%Y}"
        return entry
    if body is not None:
        del entry["url"]
        entry["conteudo"] = base64.b64encode(body).decode()
    entry |= {
        "notaFiscal": str(document.invoice.number),
        "serieNotaFiscal": str(document.invoice.series),
        "dataEmissao": document.invoice.issued.isoformat(),
    }
    if document.invoice.emitter:
        entry["chaveAcesso"] = access_key(document.invoice)
    if document.amount:
        entry["valor"] = _reais(document.amount)
    if document.due:
        entry["dataVencimento"] = document.due.isoformat()
    if document.kind in {FileKind.GNRE, FileKind.GARE}:
        entry["linhaDigitavel"] = slip_line_of(document)
    if title and document.kind is FileKind.BOLETO:
        entry |= _payable(title)
    return entry


def _payable(title: Title) -> Json:
    made: Json = {
        "situacao": title.state,
        "linhaDigitavel": title.line,
        "parcela": title.instalment,
        "nossoNumero": title.bank_number,
        "pixCopiaECola": pix_of(title),
        "beneficiarioNome": SELLER.name,
        "beneficiarioCnpj": print_tax_id(SELLER.tax_id),
    }
    if title.settled_on:
        made["dataBaixa"] = title.settled_on.isoformat()
    if title.replaced_by:
        made["substituidoPor"] = title.replaced_by
    return made
