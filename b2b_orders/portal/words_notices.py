"""The words of what people are told: see `words`."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

from b2b_orders.portal.words import Text

NOTICE_KIND: Final[dict[str, Text]] = {
    "order": lazy("New order in the list"),
    "status": lazy("Change of status"),
    "invoiced": lazy("Invoiced"),
    "promise": lazy("Change of the expected delivery"),
    "document": lazy("New document"),
    "boleto": lazy("New boleto"),
    "due": lazy("Boleto due soon"),
    "overdue": lazy("Boleto overdue"),
}
RHYTHM: Final[dict[str, Text]] = {
    "at_once": lazy("Soon: at most one mail an hour"),
    "daily": lazy("Once a day"),
    "off": lazy("Paused: no mail, and nothing is sent later"),
}
