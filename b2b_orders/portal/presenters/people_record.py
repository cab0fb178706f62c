"""What a line of the record says of people in words: who was asked in, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.portal import formats, words
from b2b_orders.portal.words_people import RIGHT, ROLE, SETTING, WISH_STATE

_PLACE = {name: place for place, name in enumerate(SETTING)}


def people_words(detail: Mapping[str, Any]) -> str:
    """Word the details of what was done to people or to the company's settings; "" for none."""
    before, after = detail.get("before"), detail.get("after")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if "role" in after:
            return f"{_grant(before)} → {_grant(after)}"
        return "; ".join(_settings(before, after))
    parts = [str(detail["email"])] if detail.get("email") else []
    if isinstance(before, str) and detail.get("role"):
        # A provider's groups changed it.
        parts.append(f"{_role(before)} → {_role(detail['role'])}")
    elif granted := _granted(detail, before):
        parts.append(granted)
    if detail.get("state"):
        parts.append(words.text(WISH_STATE, str(detail["state"])))
    if isinstance(detail.get("invited"), int):
        count = detail["invited"]
        text = ngettext("%(count)s invited", "%(count)s invited", count)
        parts.append(text % {"count": formats.count(count)})
    return ", ".join(parts)


def _granted(detail: Mapping[str, Any], before: object) -> str:
    if isinstance(before, Mapping):
        return _grant(before)
    return _grant(detail) if detail.get("role") else ""


def _grant(grant: Mapping[str, Any]) -> str:
    """Word a grant as the record keeps it: see `audit.people.grant_words`."""
    parts = [_role(grant.get("role"))]
    ids = grant.get("establishments", ())
    if ids is None:
        parts.append(_("Whole company").lower())
    elif ids:
        text = ngettext("%(count)s branch", "%(count)s branches", len(ids))
        parts.append(text % {"count": formats.count(len(ids))})
    own = grant.get("rights")
    for name, is_given in (own if isinstance(own, Mapping) else {}).items():
        if name in RIGHT:
            text = _("with %(right)s") if is_given else _("without %(right)s")
            parts.append(text % {"right": str(RIGHT[name].name).lower()})
    return ", ".join(parts)


def _role(role: object) -> str:
    return str(ROLE[role].name) if isinstance(role, str) and role in ROLE else str(role or "")


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        f"{words.text(SETTING, name)}: {_value(before.get(name))} → {_value(after[name])}"
        # The database keeps no order of them.
        for name in sorted(after, key=lambda name: (name not in SETTING, _PLACE.get(name, 0)))
        if before.get(name) != after[name]
    ]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or _("none")
    return words.text(SETTING, str(value))
