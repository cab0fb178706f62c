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
from b2b_orders.orders.queries import OrderRow, SourceAsOf


class PlainDecimal(serializers.Field[Decimal, Decimal, str, Any]):
    """A decimal as text, with the places it has."""

    def to_representation(self, value: Decimal) -> str:
        return f"{value:f}"


class NumberOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    value = serializers.CharField(source="written")


class MoneyOutput(serializers.Serializer[Any]):
    amount = PlainDecimal()
    currency = serializers.CharField()


class SourceOutput(serializers.Serializer[Any]):
    """`state` is what the connection does now: ok, down, never (answered) or disabled."""

    connection = serializers.CharField()
    as_of = serializers.DateTimeField()
    state = serializers.SerializerMethodField()

    def get_state(self, source: SourceAsOf) -> str:
        states: Mapping[str, str] = self.context["states"]
        return states.get(source.connection, "disabled")


class MatchOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    value = serializers.CharField(source="written")
    how = serializers.CharField()


class OrderOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    url = serializers.SerializerMethodField()
    page_url = serializers.SerializerMethodField()
    numbers = NumberOutput(many=True)
    origins = serializers.SerializerMethodField()
    status = serializers.CharField(source="fulfilment")
    status_raw = serializers.CharField()
    placed_on = serializers.DateField()
    total = MoneyOutput(allow_null=True)
    establishment = serializers.CharField(source="establishment_tax_id")
    sources = SourceOutput(many=True)
    matched = MatchOutput(allow_null=True)

    def get_url(self, order: OrderRow) -> str:
        company = self.context["company"]
        address = reverse("api:order", kwargs={"public_id": order.public_id})
        return f"{address}?company={company}" if company else address

    def get_page_url(self, order: OrderRow) -> str:
        return page_address("order", self.context["page_company"], public_id=order.public_id)

    def get_origins(self, order: OrderRow) -> list[str]:
        origins: list[str] = order.origins.split("+")
        return origins


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
    tracking_url = serializers.CharField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    is_return = serializers.BooleanField()


class TitleOutput(serializers.Serializer[Any]):
    instalment = serializers.CharField()
    invoice_number = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    amount = PlainDecimal(allow_null=True)
    state = serializers.CharField()
    typeable_line = serializers.CharField()


class DocumentOutput(serializers.Serializer[Any]):
    """`download_url` is null while there is nothing to take; `reason` says why."""

    id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField()
    filename = serializers.CharField()
    title = serializers.CharField()
    invoice_number = serializers.CharField()
    download_url = serializers.SerializerMethodField()

    def get_download_url(self, document: DocumentRow) -> str | None:
        if document.state != "available":
            return None
        return page_address(
            "document",
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
