"""The words of an order taken apart, as tables: see `words`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import FIELD as FIELDS
from b2b_orders.portal.words import Text

# Why two records are one order, or not: %(shared)s is the number that both state.
TIE: dict[str, Text] = {
    "number": lazy("Both state the number %(shared)s."),
    "access-key": lazy("Both state the access key %(shared)s."),
    "invoice": lazy("Both state the same invoice."),
    "learned": lazy("The ERP was asked for %(shared)s and answered with exactly this order."),
    "join": lazy("%(person)s joined them by hand."),
    "split": lazy("%(person)s split them by hand."),
}

# What an answer of the ERP rests on, by the codes of ingest.
EVIDENCE: dict[str, Text] = {
    "one-answer": lazy("it answered with one order"),
    "parts-by-invoice": lazy("each part carries an invoice that the website states"),
    "live": lazy("found while somebody looked it up"),
}

FIELD: dict[str, Text] = FIELDS | {
    "billing_state": lazy("Invoicing"),
    "payment_state": lazy("Payment"),
    "placed_at": lazy("Moment of the order"),
    "placed_on": lazy("Day of the order"),
    "placed_by_name": lazy("Placed by"),
    "placed_by_code": lazy("Code of the salesperson"),
    "channel": lazy("Channel"),
    "payment_terms": lazy("Payment terms"),
    "note": lazy("Note"),
    "customer": lazy("Customer"),
    "promised_on": lazy("Promised for"),
    "billing": lazy("Billing address"),
    "delivery": lazy("Delivery address"),
    "delivery_method": lazy("Carrier"),
    "tracking_url": lazy("Tracking"),
    "items_total": lazy("Amount of the items"),
    "discount": lazy("Discount"),
    "freight": lazy("Freight"),
    "taxes": lazy("Taxes"),
    "numbers": lazy("Numbers"),
    "invoices": lazy("Invoices"),
    "titles": lazy("Titles"),
    "events": lazy("Events"),
}

_SITE = lazy("The website rules: it saw who ordered what, and when.")
_CARRIER = lazy("The ERP rules: it sends the goods and books the carrier.")
_AMOUNT = lazy("The ERP rules: what it says is invoiced and owed; parts of a split add up.")
# Which rule of `orders.merge.PRECEDENCE` decided, by field.
REASON: dict[str, Text] = {
    **dict.fromkeys(
        ("placed_at", "placed_on", "placed_by_name", "placed_by_code", "channel", "note"), _SITE
    ),
    "customer": lazy("The website rules: an ERP may state the customer's own customer."),
    "payment_terms": lazy("The ERP rules: it knows what is due when; else the website's means."),
    **dict.fromkeys(("promised_on", "delivery", "delivery_method", "tracking_url"), _CARRIER),
    "billing": lazy("The ERP rules: the address on the invoice is a fiscal fact."),
    **dict.fromkeys(("total", "items_total", "discount", "freight", "taxes"), _AMOUNT),
    "fulfilment": lazy(
        "The ERP rules once it knows the order; a delivery that only one has seen counts."
    ),
    "billing_state": lazy("The ERP rules: an invoice is a fiscal fact."),
    "payment_state": lazy("The ERP rules: it says what is owed and paid; else the website."),
    "lines": lazy("The ERP rules: what is really shipped, once all its details are here."),
    "status_raw": lazy("The ERP rules once it knows the order."),
}
