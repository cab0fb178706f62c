"""The words of the API: what an order looks like as JSON. Nothing here is ever renamed.

Amounts and quantities are decimal strings; an amount that the person may not see is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from b2b_orders.documents.queries import DocumentRow
from b2b_orders.orders.queries import InvoiceRow, OrderRow
from b2b_orders.orders.titles import Sums, TitleLine
from erp_bridge.records import Money

_MOMENT = serializers.DateTimeField()


class PlainDecimal(serializers.Field[Decimal, Decimal, str, Any]):
    """A decimal as text, with the places it has."""

    def to_representation(self, value: Decimal) -> str:
        return f"{value:f}"


def order_output(order: OrderRow, context: Mapping[str, Any]) -> dict[str, Any]:
    """Say what stands for an order in a list.

    Plain, because every search answers it: a serializer of serializers copies forty fields
    for each answer. `url` is the order's page, for people; the API knows it by `id`.
    `payment` is null for who may not see finance. `state` of a source is what the connection
    does now: ok, down, never (answered) or disabled.
    """
    return {
        "id": str(order.public_id),
        "url": page_address("order", context["page_company"], public_id=order.public_id),
        "numbers": [{"kind": number.kind, "value": number.written} for number in order.numbers],
        "origins": order.origins.split("+"),
        "status": order.fulfilment,
        "status_raw": order.status_raw,
        "billing": order.billing,
        "payment": order.payment,
        "placed_on": order.placed_on.isoformat() if order.placed_on else None,
        "total": {"amount": f"{order.total.amount:f}", "currency": order.total.currency}
        if order.total
        else None,
        "establishment": order.establishment_tax_id,
        "sources": [
            {
                "connection": source.connection,
                "as_of": _MOMENT.to_representation(source.as_of),
                "state": context["states"].get(source.connection, "disabled"),
            }
            for source in order.sources
        ],
        "matched": {
            "kind": order.matched.kind,
            "value": order.matched.written,
            "how": order.matched.how,
        }
        if order.matched
        else None,
    }


class LineOutput(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = PlainDecimal(allow_null=True)
    unit = serializers.CharField()
    unit_price = PlainDecimal(allow_null=True)
    total = PlainDecimal(allow_null=True)
    invoiced = PlainDecimal(allow_null=True)


class InvoiceOutput(serializers.Serializer[Any]):
    number = serializers.CharField()
    series = serializers.CharField()
    access_key = serializers.CharField()
    issued_on = serializers.DateField(allow_null=True)
    total = PlainDecimal(allow_null=True)
    carrier = serializers.CharField()
    tracking_number = serializers.CharField()
    tracking_url = serializers.SerializerMethodField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    is_return = serializers.BooleanField()

    def get_tracking_url(self, invoice: InvoiceRow) -> str:
        """Give an address that may become a link; other schemes run code where they do."""
        url = invoice.tracking_url
        return url if url.startswith(("https://", "http://")) else ""


class TitleOutput(serializers.Serializer[Any]):
    instalment = serializers.CharField()
    invoice_number = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    amount = PlainDecimal(allow_null=True)
    state = serializers.CharField()
    settled_on = serializers.DateField(allow_null=True)
    typeable_line = serializers.CharField()
    payee_name = serializers.CharField()
    payee_tax_id = serializers.CharField()


class TitleLineOutput(serializers.Serializer[Any]):
    """`state` is as of today; `unclear` is what no source states, or is open on a dead order.

    `amount` is null when it is not known. There is a line only while the title is to pay.
    """

    order = serializers.UUIDField(source="order_public_id")
    order_number = serializers.CharField(source="order_title")
    customer_number = serializers.CharField(source="own_number")
    establishment = serializers.CharField(source="establishment_tax_id")
    invoice_number = serializers.CharField()
    instalment = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    amount = serializers.SerializerMethodField()
    state = serializers.CharField(source="standing")
    settled_on = serializers.DateField(allow_null=True)
    typeable_line = serializers.SerializerMethodField()

    def get_typeable_line(self, title: TitleLine) -> str:
        """Give the line of what is to pay; a settled one must not be paid again."""
        return title.typeable_line if title.is_to_pay else ""

    def get_amount(self, title: TitleLine) -> dict[str, str] | None:
        """Write the amount with its currency."""
        return _money(title.amount) if title.amount else None


def sums_output(sums: Sums) -> dict[str, Any]:
    """Say how many titles there are, what they come to, and how many lack an amount."""
    return {
        "count": sums.count,
        "amounts": [_money(each) for each in sums.amounts],
        "without_amount": sums.without_amount,
    }


def _money(money: Money) -> dict[str, str]:
    return {"amount": f"{money.amount:f}", "currency": money.currency}


class DocumentOutput(serializers.Serializer[Any]):
    """`download_url` is null while there is nothing to take; `reason` says why.

    So it is for a boleto that is paid, cancelled or replaced. `payment_url` is the page that
    asks the source whether one is still to be paid, and shows by which line and code.
    `since` is when it came into its state; `is_late` marks what is expected for over a day.
    What is `rendered` we make of an XML: its address answers 202 with `Retry-After` until it
    is made.
    """

    id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    origin = serializers.CharField()
    state = serializers.CharField()
    since = serializers.DateTimeField(source="state_since")
    is_late = serializers.BooleanField()
    reason = serializers.CharField()
    filename = serializers.CharField()
    title = serializers.CharField()
    invoice_number = serializers.CharField()
    instalment = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    amount = PlainDecimal(allow_null=True)
    title_state = serializers.CharField()
    settled_on = serializers.DateField(allow_null=True)
    download_url = serializers.SerializerMethodField()
    payment_url = serializers.SerializerMethodField()

    def get_download_url(self, document: DocumentRow) -> str | None:
        if document.state != "available" or document.is_withheld:
            return None
        return self._page("document", document)

    def get_payment_url(self, document: DocumentRow) -> str | None:
        return self._page("payment", document) if document.can_be_paid else None

    def _page(self, name: str, document: DocumentRow) -> str:
        return page_address(
            name,
            self.context["page_company"],
            order=self.context["order"],
            public_id=document.public_id,
        )


class EventOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    connection = serializers.CharField()
    code = serializers.CharField()
    text = serializers.CharField()


class DivergenceValueOutput(serializers.Serializer[Any]):
    connection = serializers.CharField()
    value = serializers.CharField()
    as_of = serializers.DateTimeField(allow_null=True)
    rules = serializers.BooleanField()


class DivergenceOutput(serializers.Serializer[Any]):
    field = serializers.CharField()
    since = serializers.DateTimeField()
    values = DivergenceValueOutput(many=True)


class EstablishmentOutput(serializers.Serializer[Any]):
    tax_id = serializers.CharField()
    name = serializers.CharField()


class ScopeOutput(serializers.Serializer[Any]):
    company = serializers.SerializerMethodField()
    establishments = EstablishmentOutput(many=True)
    since = serializers.DateField(source="oldest_on", allow_null=True)

    def get_company(self, scope: Any) -> dict[str, str]:
        return {"id": str(scope.company_public_id), "name": scope.company_name}


def page_address(name: str, company: str, **parts: object) -> str:
    """Build the address of a page of the portal; under the company's for staff."""
    return reverse(f"portal:{name}", kwargs=parts | ({"company": company} if company else {}))
