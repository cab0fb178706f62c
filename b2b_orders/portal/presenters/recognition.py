"""The line under the box: what the typed number looks like, and whether its digits are right."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.orders.guessing import Guess, guess
from b2b_orders.portal.words import Text

_LOOKS: Final[dict[str, Text]] = {
    "nfe": lazy("Looks like an NF-e access key (44)"),
    "cte": lazy("Looks like a CT-e access key (44)"),
    "cte_os": lazy("Looks like a CT-e access key (44)"),
    "nfce": lazy("Looks like an NFC-e access key (44)"),
    "mdfe": lazy("Looks like an MDF-e access key (44)"),
    "access_key": lazy("Looks like an access key (44)"),
    "boleto": lazy("Looks like a boleto number line (47)"),
    "slip": lazy("Looks like a number line for taxes and utilities (48)"),
    "cnpj": lazy("Looks like a CNPJ"),
    "cpf": lazy("Looks like a CPF"),
    "invoice": lazy("Looks like an invoice number (NF)"),
    "tracking": lazy("Looks like a tracking code"),
    "web": lazy("Looks like a web order number"),
    "seller": lazy("Looks like a seller order id"),
    "erp": lazy("Looks like an ERP order number"),
    "customer": lazy("Looks like your own number"),
    "any": lazy("May be a web order, sequence, ERP order, your number or invoice (NF)"),
}
_KEYS: Final = frozenset({"nfe", "nfce", "access_key"})
_SEVERAL_DIGITS: Final = frozenset({"boleto", "slip", "cnpj", "cpf"})


def recognition(typed: str) -> str:
    """Say what a typed text looks like; nothing while that is unclear."""
    seen = guess(typed)
    if seen is None:
        return ""
    if seen.kind == "incomplete":
        length = int(seen.parts["length"])
        return ngettext(
            "%(length)s digit: an access key has 44, a boleto number line 47",
            "%(length)s digits: an access key has 44, a boleto number line 47",
            length,
        ) % {"length": length}
    return " · ".join(part for part in (str(_LOOKS[seen.kind]), _digits(seen), _more(seen)) if part)


def _digits(seen: Guess) -> str:
    if seen.is_right is None:
        return ""
    if seen.kind in _SEVERAL_DIGITS:
        return _("check digits correct") if seen.is_right else _("check digits do not match")
    return _("check digit correct") if seen.is_right else _("check digit does not match")


def _more(seen: Guess) -> str:
    if seen.is_right and seen.kind in _KEYS:
        return _("NF %(number)s, series %(series)s") % seen.parts
    return _("orders of that branch") if seen.is_right and seen.kind == "cnpj" else ""
