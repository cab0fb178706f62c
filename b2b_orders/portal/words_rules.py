"""The words of operations' rules for documents, and of why a document is expected or not."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text

# By `documents.rules.reason_of`. That every invoice has its XML needs no saying.
REASON: Final[dict[str, Text]] = {
    "expected-crosses-state": lazy("The goods go to another state."),
    "expected-states": lazy("Goods to this state need it."),
    "none-not-crosses-state": lazy("The goods stay within one state."),
    "none-crosses-state": lazy("The goods go to another state."),
    "none-not-has-titles": lazy("Nothing of this invoice is open."),
    "none-has-titles": lazy("This invoice is paid in instalments."),
    "none-states": lazy("Goods to this state need none."),
    "none-customer": lazy("Not issued for your company."),
    "none-invoice": lazy("Not issued by this seller."),
}
EFFECT: Final[dict[str, Text]] = {
    "expect": lazy("Expected"),
    "not_applicable": lazy("Does not apply"),
    "hide": lazy("Hidden"),
}
CONDITION: Final[dict[tuple[str, bool], Text]] = {
    ("crosses_state", True): lazy("goods cross a state border"),
    ("crosses_state", False): lazy("goods stay within a state"),
    ("has_titles", True): lazy("the invoice has open titles"),
    ("has_titles", False): lazy("the invoice has no open titles"),
}
