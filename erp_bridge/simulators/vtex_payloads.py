"""Bodies of the VTEX Orders API, made from the world's orders.

Every key that VTEX answers for a B2B order is there, null where it would be null.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from erp_bridge.identifiers import boleto_barcode
from erp_bridge.simulators import numbers
from erp_bridge.simulators.faults import Json
from erp_bridge.simulators.model import (
    Buyer,
    Invoice,
    Order,
    WebOrder,
    access_key,
)
from erp_bridge.simulators.vtex_lines import ACCOUNT, item_body, metadata, shipping, stamp

_STATUS_WORDS = {
    "payment-pending": "Pagamento Pendente",
    "payment-approved": "Pagamento Aprovado",
    "window-to-cancel": "Carência para Cancelamento",
    "ready-for-handling": "Pronto para o Manuseio",
    "handling": "Preparando Entrega",
    "invoiced": "Faturado",
    "canceled": "Cancelado",
}
_CONSTANT: Json = {
    "marketplaceServicesEndpoint": f"http://oms.vtexinternal.com.br/api/oms?an={ACCOUNT}",
    "origin": "Marketplace",
    "affiliateId": "",
    "salesChannel": "1",
    "merchantName": ACCOUNT,
    "workflowIsInError": False,
    "lastMessage": "",
    "hostname": ACCOUNT,
    "roundingError": 0,
    "allowEdition": False,
    "isCheckedIn": False,
    "checkedInPickupPointId": None,
    "sellers": [
        {
            "id": "1",
            "name": "Loja Demo",
            "logo": "",
            "fulfillmentEndpoint": (
                f"http://fulfillment.vtexcommerce.com.br/api/fulfillment?an={ACCOUNT}"
            ),
        }
    ],
    "clientPreferencesData": {"locale": "pt-BR", "optinNewsLetter": False},
    "taxData": None,
    "subscriptionData": None,
    "marketplace": {
        "baseURL": f"http://oms.vtexinternal.com.br/api/oms?an={ACCOUNT}",
        "isCertified": True,
        "name": ACCOUNT,
    },
    "storePreferencesData": {
        "countryCode": "BRA",
        "currencyCode": "BRL",
        "currencyFormatInfo": {
            "CurrencyDecimalDigits": 2,
            "CurrencyDecimalSeparator": ",",
            "CurrencyGroupSeparator": ".",
            "CurrencyGroupSize": 3,
            "StartsWithCurrencySymbol": True,
        },
        "currencyLocale": 1046,
        "currencySymbol": "R$",
        "timeZone": "E. South America Standard Time",
    },
    "commercialConditionData": None,
    "openTextField": {"value": None},
    "invoiceData": {"userPaymentInfo": None, "address": None, "invoiceSubject": None},
    "changesAttachment": None,
    "callCenterOperatorData": None,
    "ratesAndBenefitsData": {
        "id": "ratesAndBenefitsData",
        "rateAndBenefitsIdentifiers": [],
    },
    "giftRegistryData": None,
    "marketplaceItems": [],
}
_MARKETING: Json = {
    "id": "marketingData",
    "utmSource": "",
    "utmPartner": "",
    "coupon": "",
    "utmiCampaign": " ",
    "utmipage": " ",
    "utmiPart": " ",
    "marketingTags": [],
}
# Fields of a payment that a boleto or an invoice on credit leaves empty.
_EMPTY_PAYMENT: Json = dict.fromkeys(
    (
        "cardHolder",
        "cardNumber",
        "firstDigits",
        "lastDigits",
        "cvv2",
        "expireMonth",
        "expireYear",
        "giftCardId",
        "giftCardName",
        "giftCardCaption",
        "redemptionCode",
        "dueDate",
        "giftCardProvider",
        "koinUrl",
        "accountId",
        "parentAccountId",
        "billingAddress",
        "paymentOrigin",
    )
)
_NOT_AUTHORIZED = frozenset({"payment-pending", "canceled"})


def stamp_z(moment: datetime) -> str:
    """Write a moment as the feed does."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def _noon(invoice: Invoice) -> datetime:
    return datetime(
        invoice.issued.year, invoice.issued.month, invoice.issued.day, 15, 0, tzinfo=UTC
    )


def order_body(order: Order, web: WebOrder) -> Json:
    """Make the answer of Get order."""
    invoices = [invoice for erp in order.erp for invoice in erp.invoices]
    shown = invoices if web.status == "invoiced" else []
    return {
        **_CONSTANT,
        **_head(order, web, shown),
        "totals": [
            {"id": "Items", "name": "Total dos Itens", "value": order.items_total},
            {"id": "Discounts", "name": "Total dos Descontos", "value": -order.discount},
            {"id": "Shipping", "name": "Total do Frete", "value": web.freight},
            {"id": "Tax", "name": "Total da Taxa", "value": 0},
        ],
        "cancellationData": _cancellation(web) if web.status == "canceled" else None,
        "itemMetadata": {"Items": [metadata(item.product) for item in order.items]},
        "customData": _custom(order.customer_number),
        "packageAttachment": {"packages": [_package(order, invoice) for invoice in shown]},
        "paymentData": _payment(order, web),
        "shippingData": shipping(order, web),
        "marketingData": {
            **_MARKETING,
            "utmMedium": f"b7f2e1aa-0c1f-11ef-8452-{order.branch:012x}",
            "utmCampaign": order.company.organization_id,
        },
        "clientProfileData": _client(order),
        "items": [
            item_body(order, web, position, item) for position, item in enumerate(order.items)
        ],
    }


def _head(order: Order, web: WebOrder, shown: list[Invoice]) -> Json:
    authorized = web.status not in _NOT_AUTHORIZED
    group = web.order_id.partition("-")[0]
    return {
        "orderId": web.order_id,
        "sequence": web.sequence,
        "marketplaceOrderId": web.order_id,
        "sellerOrderId": web.seller_order_id,
        "status": web.status,
        "statusDescription": _STATUS_WORDS.get(web.status, ""),
        "value": web.total,
        "creationDate": stamp(order.placed_at),
        "lastChange": stamp(web.changed_at),
        "orderGroup": group,
        "followUpEmail": f"{group}@ct.vtex.com.br",
        "isCompleted": authorized,
        "orderFormId": f"33c887b2-bf49-4a18-8a0a-{_digits(web):012x}",
        "allowCancellation": web.status in {"payment-pending", "window-to-cancel"},
        "authorizedDate": stamp(order.placed_at + timedelta(minutes=3)) if authorized else None,
        "invoicedDate": stamp(_noon(shown[-1])) if shown else None,
        "cancelReason": "Solicitado pelo cliente" if web.status == "canceled" else None,
    }


def _digits(web: WebOrder) -> int:
    """Give a number made of an orderId, whatever letters it has."""
    return int("".join(filter(str.isdigit, web.order_id.partition("-")[0])) or "0")


def list_row(order: Order, web: WebOrder) -> Json:
    """Make one row of List orders."""
    authorized = web.status not in _NOT_AUTHORIZED
    return {
        "orderId": web.order_id,
        "creationDate": _second(order.placed_at),
        "clientName": order.company.buyers[order.buyer].name,
        "items": None,
        "totalValue": web.total,
        "paymentNames": _payment_name(web),
        "status": web.status,
        "statusDescription": _STATUS_WORDS.get(web.status, ""),
        "marketPlaceOrderId": None,
        "sequence": web.sequence,
        "salesChannel": "1",
        "affiliateId": "",
        "origin": "Marketplace",
        "workflowInErrorState": False,
        "workflowInRetry": False,
        "lastMessageUnread": "",
        "ShippingEstimatedDate": None,
        "ShippingEstimatedDateMax": None,
        "ShippingEstimatedDateMin": None,
        "orderIsComplete": True,
        "listId": None,
        "listType": None,
        "authorizedDate": _second(order.placed_at + timedelta(minutes=3)) if authorized else None,
        "callCenterOperatorName": None,
        "totalItems": sum(item.quantity for item in order.items),
        "currencyCode": "BRL",
    }


def _cancellation(web: WebOrder) -> Json:
    return {
        "RequestedByUser": True,
        "RequestedBySystem": False,
        "RequestedBySellerNotification": False,
        "RequestedByPaymentNotification": False,
        "Reason": "Solicitado pelo cliente",
        "CancellationDate": stamp(web.changed_at),
    }


def _custom(number: str) -> Json | None:
    if not number:
        return None
    return {
        "customApps": [
            {"id": "b2b-checkout-settings", "major": 1, "fields": {"purchaseOrderNumber": number}}
        ],
        "customFields": [
            {
                "linkedEntity": {"type": "order"},
                "fields": [{"name": "PO Number", "value": number}],
            }
        ],
    }


def _package(order: Order, invoice: Invoice) -> Json:
    tracking = f"TRK{invoice.number}{invoice.series}BR"
    delivered = (
        stamp(_noon(invoice) + (invoice.delivered - invoice.issued)) if invoice.delivered else ""
    )
    place = order.establishment.place
    courier: Json = {"status": None, "finished": False, "data": []}
    if delivered:
        event = {
            "lastChange": delivered,
            "city": place.city,
            "state": place.state,
            "description": "Entregue",
            "createDate": delivered,
        }
        courier = {
            "status": "ok",
            "finished": True,
            "data": [event],
            "deliveredDate": delivered,
        }
    return {
        "items": [
            {
                "itemIndex": part.position,
                "quantity": part.quantity,
                "price": order.items[part.position].price,
                "description": None,
                "unitMultiplier": 1.0,
            }
            for part in invoice.parts
        ],
        "courier": "Transportes Vereda",
        "invoiceNumber": str(invoice.number),
        "invoiceValue": invoice.total,
        "invoiceUrl": None,
        "issuanceDate": stamp(_noon(invoice)),
        "trackingNumber": tracking,
        "invoiceKey": access_key(invoice),
        "trackingUrl": f"https://vereda.example/rastreio/{tracking}",
        "type": "Output",
        "courierStatus": courier,
        "cfop": "5102" if place.state == "SP" else "6102",
        "restitutions": {},
        "volumes": 1,
        "EnableInferItems": None,
    }


def _payment_name(web: WebOrder) -> str:
    return "Boleto Bancário" if web.payment == "bankInvoice" else "Faturado"


def _payment(order: Order, web: WebOrder) -> Json:
    group = _digits(web)
    line, url = "", None
    if web.payment == "bankInvoice":
        due = order.placed_on + timedelta(days=3)
        line = numbers.boleto_line(due=due, cents=web.total, free=f"{group:025d}")
        url = f"https://banco.example/boleto/{group}?parcela={{Installment}}"
    barcode = boleto_barcode(line) if line else None
    payment: Json = {
        **_EMPTY_PAYMENT,
        "id": f"{group + 1:032X}",
        "paymentSystem": "6" if line else "201",
        "paymentSystemName": _payment_name(web),
        "value": web.total,
        "installments": 1,
        "referenceValue": web.total,
        "url": url,
        "group": web.payment,
        "tid": str(group),
        "connectorResponses": {},
        "giftCardAsDiscount": False,
        "bankIssuedInvoiceIdentificationNumber": line or None,
        "bankIssuedInvoiceIdentificationNumberFormatted": (
            numbers.print_boleto_line(line) if line else None
        ),
        "bankIssuedInvoiceBarCodeNumber": barcode,
        "bankIssuedInvoiceBarCodeType": "i25" if line else None,
    }
    transaction = {
        "isActive": True,
        "transactionId": f"{group:032X}",
        "merchantName": ACCOUNT,
        "payments": [payment],
    }
    return {"transactions": [transaction], "giftCards": []}


def _client(order: Order) -> Json:
    buyer: Buyer = order.company.buyers[order.buyer]
    first, _, last = buyer.name.partition(" ")
    return {
        "id": "clientProfileData",
        "email": buyer.email,
        "firstName": first,
        "lastName": last,
        "documentType": "cpf",
        "document": buyer.tax_id,
        "phone": "+5511900000000",
        "corporateName": order.company.name,
        "tradeName": order.company.trade_name,
        "corporateDocument": order.establishment.tax_id,
        "stateInscription": order.establishment.state_inscription,
        "corporatePhone": "+551130000000",
        "isCorporate": True,
        "userProfileId": buyer.user_id,
        "userProfileVersion": None,
        "customerClass": None,
        "customerCode": str(order.company.customer_id),
    }
